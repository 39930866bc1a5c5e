"""What a source's time is worth (docs/spec/time.md).

A time comes with the quality of the clock that said it. This module turns both into the interval in which the true
time lies, and says whether two statements can both be true. It reads no clock.
"""

from typing import Final, NamedTuple

from custody.v1 import record_pb2

MOST_EXCUSED_US: Final = 3600 * 1_000_000
"""Of an offset or uncertainty nobody is believed more than an hour, a summer time that was set wrong: a clock that is worse
excuses nothing by saying so."""


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
    added on both sides. Of either at most MOST_EXCUSED_US counts.
    """
    middle = at_us - max(-MOST_EXCUSED_US, min(quality.offset_us, MOST_EXCUSED_US))
    margin = min(quality.uncertainty_us or default_uncertainty_us, MOST_EXCUSED_US)
    return Interval(middle - margin, middle + margin)
