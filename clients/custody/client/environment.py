"""What the client takes from outside: clocks, randomness, and the passing of time. Tests bring their own."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


def _now_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Clocks and randomness; the defaults are this machine's."""

    now_us: Callable[[], int] = _now_us
    """Microseconds since 1970 UTC; only noted beside what is stored, never trusted."""
    monotonic_s: Callable[[], float] = time.monotonic
    """Seconds from any start; measures deadlines."""
    uniform: Callable[[float, float], float] = random.SystemRandom().uniform
    """A number between two bounds."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Lets that many seconds pass."""
