from __future__ import annotations

from custody.core.clock import MOST_EXCUSED_US, Interval, true_time
from custody.v1 import record_pb2


def test_the_offset_is_taken_out_and_the_uncertainty_stands_on_both_sides() -> None:
    ahead = record_pb2.ClockQuality(source=record_pb2.CLOCK_SOURCE_NTP, offset_us=1_500, uncertainty_us=200)
    assert true_time(1_000_000, ahead, 9_999) == Interval(998_300, 998_700)


def test_where_no_uncertainty_is_stated_the_default_stands() -> None:
    assert true_time(1_000_000, record_pb2.ClockQuality(), 60) == Interval(999_940, 1_000_060)


def test_no_clock_is_excused_by_more_than_an_hour() -> None:
    lost = record_pb2.ClockQuality(offset_us=-(1 << 60), uncertainty_us=1 << 60)
    assert true_time(1_000_000, lost, 60) == Interval(1_000_000, 1_000_000 + 2 * MOST_EXCUSED_US)
    assert true_time(0, record_pb2.ClockQuality(offset_us=1 << 60), 60) == Interval(
        -MOST_EXCUSED_US - 60, -MOST_EXCUSED_US + 60
    )


def test_two_statements_can_both_be_true_when_their_intervals_meet() -> None:
    assert Interval(1, 5).overlaps(Interval(5, 9))
    assert Interval(5, 9).overlaps(Interval(1, 5))
    assert not Interval(1, 5).overlaps(Interval(6, 9))
