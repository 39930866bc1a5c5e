"""What the desk takes from outside: the clock and randomness. Tests bring their own."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass


def _now_us() -> int:
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskEnvironment:
    """The defaults are this machine's."""

    now_us: Callable[[], int] = _now_us
    random: Callable[[int], bytes] = os.urandom
