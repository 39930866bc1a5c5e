"""What the agent takes from outside, and what it counts."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from custody.recorder.clock import system_now_us, system_quality
from custody.v1 import record_pb2


@dataclass(slots=True, kw_only=True)
class Counts:
    """What the agent did since it started, for metrics."""

    registered: int = 0
    registered_bytes: int = 0
    damaged: int = 0
    disposed: int = 0
    altered: int = 0
    refused: int = 0
    records: int = 0
    scans: int = 0
    forgotten: int = 0
    """Rows of disposed segments that were dropped."""


@dataclass(slots=True, kw_only=True)
class Environment:
    """What the agent takes from outside; tests bring their own."""

    now_us: Callable[[], int] = system_now_us
    quality: Callable[[], record_pb2.ClockQuality] = system_quality
    monotonic_s: Callable[[], float] = time.monotonic
    random: Callable[[int], bytes] = field(default=os.urandom)
