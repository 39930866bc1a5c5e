"""Gaps, numbers, silence and clocks."""

from __future__ import annotations

import pytest
from tests.rules.simulator import DAY, HOUR, MINUTE, SECOND, START, STREAM, World

from custody.rules import StretchKind, timeline
from custody.v1 import record_pb2 as pb


def _texts(world: World) -> list[str]:
    return [finding.en for finding in world.findings()]


def test_only_the_undeclared_part_of_a_gap_is_unexplained(world: World) -> None:
    world.lawful()
    begin = world.now
    world.wait(3 * HOUR).gap(begin, begin + HOUR, "disk_full")
    world.segment(length=HOUR)
    assert _texts(world) == ["no footage for 01:00:00: disk full", "no footage for 01:00:00 and nobody said why"]
    finding = world.one("gap-unexplained")
    assert finding.period_us == (begin + HOUR, begin + 2 * HOUR)
    assert world.one("gap-explained").zh == "1 小时无录像：磁盘已满"


def test_unknown_is_no_reason_but_is_shown(world: World) -> None:
    world.lawful()
    index = world.wait(HOUR).gap(world.now - HOUR, world.now, "unknown")
    assert index in world.one("gap-unexplained").indexes
    assert world.codes() == ["gap-unexplained"]


def test_of_gaps_with_one_begin_the_last_told_counts(world: World) -> None:
    world.lawful()
    begin = world.now
    world.wait(HOUR).gap(begin, world.now, still=True)
    world.wait(HOUR).gap(begin, world.now)
    assert world.codes() == ["gap-explained"]
    assert world.one("gap-explained").period_us == (begin, begin + 2 * HOUR)


def test_an_open_gap_that_a_later_one_follows_is_not_open(world: World) -> None:
    world.lawful()
    begin = world.now
    world.wait(HOUR).gap(begin, begin + 30 * MINUTE, still=True)
    world.gap(begin + 30 * MINUTE, world.now)
    assert world.codes() == ["gap-explained", "gap-explained"]


def test_the_tail_is_given_grace(world: World) -> None:
    world.lawful()
    world.wait(15 * MINUTE)
    assert world.codes() == []
    world.wait(SECOND)
    assert world.codes() == ["gap-unexplained"]


def test_footage_is_expected_from_first_use_to_retirement(world: World) -> None:
    world.open_site()
    world.tell(stream_registered=pb.StreamRegistered(description=world.describe(), in_use_from_us=world.now + HOUR))
    world.wait(2 * HOUR)
    world.record(hours=1)
    assert world.one("gap-unexplained").period_us == (START + HOUR, START + 2 * HOUR)
    world.retire()
    world.wait(9 * DAY)
    assert world.codes() == ["gap-unexplained"]
    world.open_stream()
    world.retire()
    world.retire()
    assert world.codes() == ["gap-unexplained", "out-of-order"]


def test_a_camera_that_is_not_used_yet_owes_nothing(world: World) -> None:
    world.open_site()
    world.tell(stream_registered=pb.StreamRegistered(description=world.describe(), in_use_from_us=world.now + DAY))
    assert world.codes() == []


def test_motion_only_recording_is_explained_while_the_source_is_alive(world: World) -> None:
    world.lawful()
    world.configure(motion_only=True)
    begin = world.now
    for _ in range(6):
        world.beat(interval=10 * MINUTE)
        world.wait(10 * MINUTE)
    assert world.codes() == []
    rows = [row for row in timeline(world.state, STREAM, world.now) if row.kind is StretchKind.DECLARED_GAP]
    assert [(row.from_us, row.to_us, row.reason_en) for row in rows] == [(begin, world.now, "motion only")]
    world.configure(motion_only=False, segment_us=10 * MINUTE)
    world.configure(motion_only=False, segment_us=10 * MINUTE)
    world.beat(interval=HOUR)
    world.wait(HOUR)
    assert world.codes() == ["gap-unexplained"]


def test_silence_between_two_heartbeats(world: World) -> None:
    world.lawful()
    first = world.beat()
    world.wait(20 * MINUTE)
    second = world.beat(interval=HOUR)
    world.wait(MINUTE)
    finding = world.one("source-silent")
    assert finding.indexes == (first, second)
    assert finding.en == "the source was silent for 00:19:00, longer than it promised"


def test_segments_are_signs_of_life(world: World) -> None:
    world.lawful()
    world.beat()
    world.record(days=1)
    assert world.codes() == []


def test_a_promised_segment_that_never_came(world: World) -> None:
    world.lawful()
    world.beat(last=4, interval=HOUR)
    assert world.codes() == []
    index = world.beat(last=6, interval=HOUR)
    world.beat(last=5, interval=HOUR)
    finding = world.one("number-missing")
    assert (finding.numbers, finding.indexes) == ((5, 6), (index,))


def test_missing_numbers_are_explained_by_a_declared_gap(world: World) -> None:
    world.lawful()
    begin = world.now
    world.wait(HOUR).gap(begin, world.now, "corrupt_segment")
    world.wait(HOUR).segment(number=6, length=HOUR)
    assert world.codes() == ["gap-explained"]


def test_missing_numbers_with_unexplained_time(world: World) -> None:
    world.lawful()
    before = len(world.entries) - 1
    index = world.wait(2 * HOUR).segment(number=8, length=HOUR)
    assert world.codes() == ["gap-unexplained", "number-missing"]
    finding = world.one("number-missing")
    assert (finding.numbers, finding.indexes) == ((5, 7), (before, index))
    assert world.one("gap-unexplained").indexes == (before, index)


def test_a_stream_that_begins_late_lacks_the_numbers_before(world: World) -> None:
    world.open_site()
    world.open_stream()
    world.wait(HOUR).segment(number=3, length=HOUR)
    assert world.one("number-missing").numbers == (1, 2)


def test_numbers_out_of_order_fill_their_place(world: World) -> None:
    world.open_site()
    world.open_stream()
    world.wait(5 * HOUR)
    for number in (1, 4, 2, 3, 5):
        world.segment(number=number, begin=START + (number - 1) * HOUR, length=HOUR)
    assert world.codes() == []
    footage = world.state.streams[STREAM].footage
    assert [row[:2] for row in footage.ordered_runs()] == [(1, 1), (2, 3), (4, 4), (5, 5)]
    assert footage.pieces(2, 9) == [(2, 3), (4, 4), (5, 5)]
    assert footage.pieces(7, 9) == []
    world.segment(number=3, begin=world.now, length=HOUR)
    assert world.one("number-repeated").numbers == (3, 3)


def test_the_largest_number_fits(world: World) -> None:
    world.open_site()
    world.open_stream()
    for number in (2**63 - 2, 2**63 - 1, 2**63 - 1):
        world.wait(HOUR).segment(number=number, length=HOUR)
    assert world.codes() == ["number-missing", "number-repeated", "gap-unexplained"]


def test_late_segments_are_one_finding_per_run(world: World) -> None:
    world.lawful()
    begin = world.now
    world.wait(4 * DAY)
    for place in range(4):
        world.segment(begin=begin + place * DAY, length=DAY)
    finding = world.one("inserted-late")
    assert finding.numbers == (5, 6)
    assert finding.en == "segments 5-6 entered the log 3 d 00:00:00 after they ended"


@pytest.mark.parametrize(("ahead", "codes"), [(30, []), (31, ["clock-suspect"])])
def test_footage_from_the_future(world: World, ahead: int, codes: list[str]) -> None:
    world.open_site()
    world.open_stream()
    world.wait(HOUR)
    world.segment(begin=START, length=HOUR + ahead * SECOND)
    assert world.codes() == codes


def test_a_measured_offset_is_taken_out(world: World) -> None:
    world.open_site()
    world.open_stream()
    world.wait(HOUR)
    body = pb.Segment(stream=STREAM, number=1, duration_us=HOUR + MINUTE, size_bytes=1, file_sha256=b"1" * 32)
    clock = pb.ClockQuality(source=pb.CLOCK_SOURCE_NTP, offset_us=MINUTE, uncertainty_us=SECOND)
    world.tell(START, clock=clock, segment=body)
    assert world.codes() == []


def test_a_segment_that_begins_before_the_last_one_ended(world: World) -> None:
    world.lawful()
    index = world.segment(begin=world.now - HOUR, length=HOUR)
    finding = world.one("clock-suspect")
    assert finding.en == "the recorder's clock cannot be right: a segment begins 01:00:00 before its predecessor ends"
    assert finding.indexes == (index,)


def test_clock_checks_say_which_way(world: World) -> None:
    world.lawful()
    for offset in (HOUR, -HOUR):
        world.tell(clock_check=pb.ClockCheck(stream=STREAM, device_us=world.now + offset, reference_us=world.now))
    assert sorted(_texts(world)) == [
        "the recorder's clock cannot be right: 01:00:00 ahead of the reference",
        "the recorder's clock cannot be right: 01:00:00 behind the reference",
    ]


def test_timeline_of_a_camera(world: World) -> None:
    world.lawful()
    world.policy(1, since=START)
    end = world.now
    world.wait(3 * HOUR).gap(end, end + HOUR, "power")
    world.hold(begin=START, end=START + DAY)
    world.dispose(1, 2)
    rows = [
        (row.from_us - START, row.to_us - START, row.kind.value, row.reason_zh)
        for row in timeline(world.state, STREAM, world.now)
    ]
    assert rows == [
        (0, DAY, "disposed", ""),
        (0, DAY, "held", "h1"),
        (DAY, 2 * DAY, "recorded", ""),
        (2 * DAY, 2 * DAY + HOUR, "declared gap", "断电"),
        (2 * DAY + HOUR, 2 * DAY + 3 * HOUR, "unexplained gap", ""),
    ]
    assert timeline(world.state, "north/none", world.now) == ()


def test_where_no_rule_minds_there_is_no_finding() -> None:
    world = World(base=())
    world.open_site()
    world.open_stream()
    world.wait(9 * DAY)
    world.segment(begin=START, length=HOUR)
    world.segment(number=4, begin=START, length=HOUR)
    world.gap(START, START + DAY, still=True)
    assert world.codes() == []
