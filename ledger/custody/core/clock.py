"""What a source's time is worth (docs/spec/time.md).

A time comes with the quality of the clock that said it. This module turns both into the interval in which the true
time lies, and says whether two statements can both be true. It reads no clock.
"""

from typing import NamedTuple

from custody.v1 import record_pb2


class Interval(NamedTuple):
    """Earliest and latest true time, microseconds UTC."""

    earliest_us: int
    latest_us: int

    def overlaps(self, other: "Interval") -> bool:
        """True when one instant lies in both."""
        return self.earliest_us <= other.latest_us and other.earliest_us <= self.latest_us


def true_time(at_us: int, quality: record_pb2.ClockQuality, default_uncertainty_us: int) -> Interval:
    """The interval that a stated time means.

    The measured offset is taken out; the stated uncertainty, or `default_uncertainty_us` where none is stated, is
    added on both sides.
    """
    middle = at_us - quality.offset_us
    margin = quality.uncertainty_us or default_uncertainty_us
    return Interval(middle - margin, middle + margin)
