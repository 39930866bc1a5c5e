"""What this machine's clock is worth: the kernel's own estimate, by adjtimex(2).

The NTP daemon (chrony, ntpd, systemd-timesyncd) tells the kernel its offset and maximum error; so nothing has to be
asked over a socket and it works as an unprivileged user.
"""

import ctypes
import time
from typing import Final

from custody.v1 import record_pb2

_STA_UNSYNC: Final = 0x0040
_STA_NANO: Final = 0x2000
_TIME_ERROR: Final = 5


class _Timeval(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("microseconds", ctypes.c_long))


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", _Timeval),
        ("tick", ctypes.c_long),
        ("rest", ctypes.c_long * 32),
    )


def system_now_us() -> int:
    """The machine's time in microseconds since 1970."""
    return time.time_ns() // 1_000


def system_quality() -> record_pb2.ClockQuality:
    """The kernel's estimate now: source, offset and maximum error; free running when nothing disciplines the clock."""
    timex = _Timex(modes=0)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if state in (-1, _TIME_ERROR) or timex.status & _STA_UNSYNC:
        return record_pb2.ClockQuality(source=record_pb2.CLOCK_SOURCE_FREE_RUNNING)
    offset_us = timex.offset // 1_000 if timex.status & _STA_NANO else timex.offset
    # adjtimex gives what is still to be added to the clock; a record states how far the clock is ahead.
    return record_pb2.ClockQuality(
        source=record_pb2.CLOCK_SOURCE_NTP, offset_us=-offset_us, uncertainty_us=max(1, timex.maxerror)
    )
