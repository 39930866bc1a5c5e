"""Times and lengths that a source claims, held against the ledger's own stamp. Each was a way out; and each has an honest twin."""

from __future__ import annotations

from array import array

import pytest
from tests.rules.simulator import DAY, HOUR, MINUTE, SECOND, START, STREAM, World, digest, document

from custody.core.limits import MAX_TIME_US
from custody.rules import SegmentColumns
from custody.v1 import record_pb2 as pb

FAR = START + 74 * 365 * DAY
"""About the year 2100."""


def recorded(*profiles: str, days: float = 3) -> World:
    return World().lawful(*profiles, days=days)


# ---- deleted before the hold, they say ----


def kept(*, retention_days: int = 0) -> World:
    """36 days of footage; the recorder is known to delete at that age, or nothing is known of it."""
    world = recorded("bj185", "cn799", days=1)
    if retention_days:
        world.configure(retention_us=retention_days * DAY)
    return world.record(days=35, length=12 * HOUR)


def held(world: World) -> World:
    world.hold(begin=START, end=START + 5 * DAY)
    return world


def scan(world: World, *, truncated: bool = False) -> int:
    run = pb.SegmentRange(stream=STREAM, first=1, last=10)
    return world.tell(integrity_scan=pb.IntegrityScan(ranges=[run], files=10, truncated=truncated))


def test_a_deletion_told_as_before_the_hold_is_judged_when_it_was_told() -> None:
    world = kept(retention_days=30)
    before = world.now - SECOND
    held(world).record(days=5, length=12 * HOUR)
    world.dispose(1, 10, deleted_us=before)
    assert "disposed-under-hold" in world.codes()


def test_an_honest_deletion_of_a_day_offline_is_believed() -> None:
    world = kept(retention_days=34)
    deleted = world.now - SECOND
    held(world).record(hours=12, length=12 * HOUR)
    world.dispose(1, 4, deleted_us=deleted)
    assert world.codes() == []


def test_it_is_not_believed_where_nobody_knew_that_it_would_be_deleted() -> None:
    world = kept()
    deleted = world.now - SECOND
    held(world).record(hours=12, length=12 * HOUR)
    world.configure(retention_us=30 * DAY)  # too late to show anything
    world.dispose(1, 10, deleted_us=deleted)
    assert world.one("disposed-under-hold").numbers == (1, 10)


def test_only_what_was_old_enough_is_believed() -> None:
    world = kept(retention_days=34)
    deleted = world.now - SECOND
    held(world).record(hours=12, length=12 * HOUR)
    world.dispose(1, 10, deleted_us=deleted)
    assert world.one("disposed-under-hold").numbers == (5, 10)


@pytest.mark.parametrize("shown", ["a scan", "a copy"])
def test_footage_that_was_seen_afterwards_was_not_deleted_before(shown: str) -> None:
    world = kept(retention_days=34)
    deleted = world.now - SECOND
    held(world).record(hours=6, length=6 * HOUR)
    if shown == "a scan":
        scan(world)
    else:
        spans = [world.span(begin=START, end=START + 5 * DAY)]
        world.access(act=pb.ACCESS_ACT_COPY, copies_sha256=[digest("copy")], spans=spans)
    world.record(hours=6, length=6 * HOUR).dispose(1, 4, deleted_us=deleted)
    assert world.one("disposed-under-hold").numbers == (1, 4)


@pytest.mark.parametrize("shown", ["truncated scan", "scan that missed it", "look without a copy", "before"])
def test_what_shows_nothing_of_it_takes_nothing_away(shown: str) -> None:
    world = kept(retention_days=34)
    if shown == "before":
        scan(world)
    deleted = world.now - SECOND if shown != "before" else world.now
    world.wait(SECOND)
    held(world).record(hours=6, length=6 * HOUR)
    if shown == "truncated scan":
        scan(world, truncated=True)
    elif shown == "scan that missed it":
        run = pb.SegmentRange(stream=STREAM, first=1, last=10)
        world.tell(integrity_scan=pb.IntegrityScan(ranges=[run], missing=[run]))
    elif shown == "look without a copy":
        world.access(spans=[world.span(begin=START, end=START + 5 * DAY)])
    world.record(hours=6, length=6 * HOUR).dispose(1, 4, deleted_us=deleted)
    assert "disposed-under-hold" not in world.codes()


def test_a_hold_that_came_and_went_before_the_deletion_was_told_counts() -> None:
    world = kept()
    deleted = world.now - SECOND
    held(world).record(hours=12, length=12 * HOUR)
    world.release()
    world.wait(SECOND).dispose(1, 10, deleted_us=deleted)
    assert "disposed-under-hold" in world.codes()


def test_without_a_hold_a_late_telling_costs_nothing() -> None:
    world = kept()
    deleted = world.now
    world.record(days=5, length=12 * HOUR).dispose(1, 10, deleted_us=deleted)
    assert world.codes() == []


def test_nothing_is_deleted_before_it_was_recorded() -> None:
    world = recorded("bj185", "cn799", "ctl32", days=5)
    world.hold()
    world.wait(MINUTE)
    world.dispose(1, 10, deleted_us=1)
    assert world.one("disposed-early").en == "segments 1-10 were disposed of after 0.00 days; 90 days were due"
    assert world.one("disposed-under-hold").numbers == (1, 10)


def test_a_false_early_deletion_does_not_take_the_place_of_the_true_one() -> None:
    world = recorded("cn799", days=5)
    world.dispose(1, 1)
    world.record(days=40, length=12 * HOUR).dispose(1, 1, deleted_us=1)
    assert "disposed-early" in world.codes()


# ---- holds in name only ----


@pytest.mark.parametrize(("at", "expires"), [(FAR, 0), (None, 1), (FAR, FAR - DAY), (1, 2)])
def test_a_hold_binds_from_its_stamp_at_the_latest_and_nothing_ends_it_before(at: int | None, expires: int) -> None:
    world = recorded(days=5)
    order = pb.HoldPlaced(hold_id="h1", case_number="C", authority="Court", spans=[world.span()], expires_us=expires)
    world.tell(at, hold_placed=order)
    world.record(days=1, length=12 * HOUR).dispose(1, 10)
    assert world.one("disposed-under-hold").numbers == (1, 10)


def test_a_hold_that_ends_after_it_was_told_expires() -> None:
    world = recorded(days=5)
    world.hold(expires_us=world.now + SECOND)
    world.record(days=1, length=12 * HOUR).dispose(1, 10)
    assert "disposed-under-hold" not in world.codes()


# ---- whose hold it is ----

INSPECTOR, CUSTODIAN = "urn:custody:inspector:court-1", "urn:custody:custodian:north"


def ordered(world: World) -> pb.HoldPlaced:
    return pb.HoldPlaced(hold_id="h1", case_number="C", authority="Court", spans=[world.span()])


def released(*, order: bool = False) -> pb.HoldReleased:
    bound = document("court_order") if order else None
    return pb.HoldReleased(hold_id="h1", streams=[STREAM], authority="Court", order=bound)


def test_whoever_did_not_place_a_hold_cannot_release_it_by_saying_so() -> None:
    world = recorded(days=5)
    world.tell(by=INSPECTOR, hold_placed=ordered(world))
    index = world.tell(by=CUSTODIAN, hold_released=released())
    finding = world.one("hold-without-order")
    assert finding.en == "a hold was placed or released without the order"
    assert finding.zh == "保全的设立或解除缺少命令文件"
    assert index in finding.indexes
    world.dispose(1, 10)
    assert world.one("disposed-under-hold").numbers == (1, 10)


@pytest.mark.parametrize(("by", "order"), [(INSPECTOR, False), (CUSTODIAN, True)])
def test_who_placed_it_or_holds_the_order_releases_it(by: str, order: bool) -> None:
    world = recorded(days=5)
    world.tell(by=INSPECTOR, hold_placed=ordered(world))
    world.tell(by=by, hold_released=released(order=order))
    world.wait(SECOND).dispose(1, 10)
    assert world.codes() == []


def test_a_release_of_what_has_expired_leaves_nothing() -> None:
    world = recorded(days=5)
    order = ordered(world)
    order.expires_us = world.now + HOUR
    world.tell(by=INSPECTOR, hold_placed=order)
    world.record(hours=2, length=HOUR)
    world.tell(by=CUSTODIAN, hold_released=released())
    assert world.codes() == []


def test_placing_it_again_makes_nobody_its_master() -> None:
    world = recorded(days=5)
    world.tell(by=INSPECTOR, hold_placed=ordered(world))
    world.tell(by=CUSTODIAN, hold_placed=ordered(world))
    world.tell(by=CUSTODIAN, hold_released=released())
    world.wait(SECOND).dispose(1, 10)
    assert {"hold-without-order", "disposed-under-hold"} <= set(world.codes())


def test_the_right_release_after_the_wrong_one_ends_it() -> None:
    world = recorded(days=5)
    world.tell(by=INSPECTOR, hold_placed=ordered(world))
    world.tell(by=CUSTODIAN, hold_released=released())
    world.tell(by=INSPECTOR, hold_released=released())
    world.wait(SECOND).dispose(1, 10)
    assert world.codes() == ["hold-without-order"]


# ---- alive, they say, and nothing moved ----


def test_one_heartbeat_and_one_setting_do_not_explain_a_month() -> None:
    world = recorded("bj185", "ctl32")
    stopped = world.now
    world.wait(30 * DAY).check()
    world.tell(stopped, heartbeat=pb.Heartbeat(stream=STREAM, interval_us=300 * 365 * DAY))
    for only in (True, False):
        at = stopped if only else world.now
        world.tell(at, recorder_configuration=pb.RecorderConfiguration(streams=[STREAM], motion_only=only))
    assert world.one("gap-unexplained").period_us[0] == stopped
    assert "availability-low" in world.codes()


def test_a_promise_of_silence_ends_after_a_day() -> None:
    world = recorded()
    last = world.now
    world.beat(interval=300 * 365 * DAY)
    world.wait(30 * DAY)
    assert world.one("source-silent").period_us == (last + DAY, world.now)


def test_a_heartbeat_of_a_time_to_come_is_one_of_now() -> None:
    world = recorded()
    world.tell(FAR, heartbeat=pb.Heartbeat(stream=STREAM, interval_us=MINUTE))
    world.wait(HOUR)
    assert world.one("source-silent").period_us == (world.now - 59 * MINUTE, world.now)


@pytest.mark.parametrize(("away", "codes"), [(DAY, []), (2 * DAY, ["gap-unexplained"])])
def test_heartbeats_of_a_day_offline_show_it_alive(away: int, codes: list[str]) -> None:
    world = recorded()
    world.configure(motion_only=True)
    begin = world.now
    world.wait(away)
    for at in range(begin, world.now, HOUR):
        world.tell(at, heartbeat=pb.Heartbeat(stream=STREAM, interval_us=HOUR))
    assert world.codes() == codes


def test_a_setting_counts_from_when_it_was_told() -> None:
    world = recorded()
    world.configure(motion_only=False)
    begin = world.now
    world.wait(DAY)
    world.gap(begin, world.now, "motion_only")
    world.tell(begin, recorder_configuration=pb.RecorderConfiguration(streams=[STREAM], motion_only=True))
    assert world.codes() == ["gap-unexplained"]


def test_the_first_setting_may_come_after_the_first_footage() -> None:
    world = World()
    world.open_site()
    world.open_stream()
    world.record(hours=1, length=HOUR)
    world.wait(HOUR).gap(world.now - HOUR, world.now, "motion_only")
    world.record(hours=1, length=HOUR)
    assert world.codes() == ["gap-unexplained"]
    world.configure(motion_only=True)
    world.wait(2 * HOUR)
    world.gap(world.now - 2 * HOUR, world.now, "motion_only")
    assert world.codes() == ["gap-explained", "gap-explained"]


def test_a_setting_told_again_breaks_nothing() -> None:
    world = recorded()
    world.configure(motion_only=True)
    begin = world.now
    world.wait(DAY)
    world.tell(begin + HOUR, recorder_configuration=pb.RecorderConfiguration(streams=[STREAM], motion_only=True))
    world.gap(begin, world.now, "motion_only")
    assert world.codes() == ["gap-explained"]


# ---- gaps of what is still to come ----


@pytest.mark.parametrize("reason", ["maintenance", "motion_only"])
def test_a_gap_explains_nothing_after_it_was_told(reason: str) -> None:
    world = recorded("bj185", "ctl32")
    told = world.now
    world.gap(told, MAX_TIME_US, reason)
    world.wait(25 * DAY)
    begin, end = world.one("gap-unexplained").period_us
    assert told <= begin <= told + 30 * SECOND  # what a clock may be wrong by
    assert end == world.now
    assert "availability-low" in world.codes()


def test_motion_only_is_no_reason_where_the_recorder_was_never_set_to_it() -> None:
    world = recorded("bj185", "ctl32")
    stopped = world.now
    index = world.wait(60 * DAY).gap(stopped, world.now, "motion_only")
    assert index in world.one("gap-unexplained").indexes
    assert {"availability-low", "gap-unexplained"} <= set(world.codes())
    assert "gap-explained" not in world.codes()


def test_a_gap_may_end_as_far_ahead_as_its_clock_can_be() -> None:
    world = recorded()
    begin = world.now
    world.wait(HOUR)
    span = pb.Span(stream=STREAM, from_us=begin, to_us=world.now + 10 * MINUTE)
    clock = pb.ClockQuality(source=pb.CLOCK_SOURCE_NTP, offset_us=10 * MINUTE)
    world.tell(clock=clock, gap=pb.Gap(span=span, reason=pb.GAP_REASON_POWER))
    assert world.one("gap-explained").period_us == (begin, world.now + 10 * MINUTE)


# ---- clocks that excuse themselves ----


@pytest.mark.parametrize("clock", [{"uncertainty_us": 100 * 365 * DAY}, {"offset_us": 41 * DAY}])
def test_a_clock_that_knows_nothing_excuses_nothing(clock: dict[str, int]) -> None:
    world = recorded(days=2)
    body = pb.Segment(stream=STREAM, number=5, duration_us=40 * DAY, size_bytes=1, file_sha256=b"1" * 32)
    world.tell(clock=pb.ClockQuality(source=pb.CLOCK_SOURCE_FREE_RUNNING, **clock), segment=body)
    assert "clock-suspect" in world.codes()


# ---- not in use, they say ----


def with_holes(world: World) -> World:
    """Ten days of which every other half is recorded."""
    for _ in range(10):
        world.record(days=0.5, length=6 * HOUR).wait(12 * HOUR)
    return world


def test_a_camera_that_records_is_in_use_whatever_first_use_was_declared() -> None:
    world = World()
    world.open_site("bj185", "ctl32")
    world.tell(stream_registered=pb.StreamRegistered(description=world.describe(), in_use_from_us=FAR))
    codes = with_holes(world).codes()
    assert codes.count("gap-unexplained") == 10
    assert "availability-low" in codes


@pytest.mark.parametrize("since", [START, FAR])
def test_a_camera_that_was_retired_and_goes_on_recording_is_in_use(since: int) -> None:
    world = World()
    world.open_site("bj185", "ctl32")
    world.tell(stream_registered=pb.StreamRegistered(description=world.describe(), in_use_from_us=since))
    world.retire()
    codes = with_holes(world).codes()
    assert codes.count("gap-unexplained") == 9  # after the last picture it is out of use
    assert "availability-low" in codes


def test_a_camera_that_is_taken_down_a_little_after_its_retirement_owes_nothing_more() -> None:
    world = recorded()
    world.retire()
    world.record(hours=1, length=HOUR).wait(9 * DAY)
    assert world.codes() == []


def test_a_camera_that_was_registered_after_it_recorded_was_in_use_before() -> None:
    world = World()
    world.open_site()
    with_holes(world).open_stream()
    assert world.codes().count("gap-unexplained") == 10


def test_what_lay_there_before_the_ledger_came_makes_no_use() -> None:
    world = World()
    world.open_site()
    world.wait(30 * DAY).open_stream()
    for day in (1, 5, 9):
        world.segment(begin=START + day * DAY, length=HOUR)
    world.record(days=1, length=12 * HOUR)
    assert world.codes() == ["inserted-late"] * 3


# ---- neighbours, and one file for everything ----


def tell_segment(world: World, number: int, begin: int, length: int) -> int:
    file = pb.Segment(
        stream=STREAM, number=number, duration_us=length, size_bytes=1, file_sha256=digest(f"{number} {begin}")
    )
    return world.tell(begin, segment=file)


@pytest.mark.parametrize("order", ["in order", "second first"])
def test_two_recordings_of_one_hour_are_neighbours_by_number(order: str) -> None:
    world = recorded(days=2)
    forged = world.now - 6 * HOUR
    world.wait(HOUR)
    told = [(5, world.now - HOUR), (6, forged)]
    indexes = {
        number: tell_segment(world, number, begin, HOUR)
        for number, begin in (told if order == "in order" else told[::-1])
    }
    finding = world.one("clock-suspect")
    assert finding.en.endswith("a segment begins 07:00:00 before its predecessor ends")
    assert finding.indexes == (indexes[6],)


def test_neighbours_are_compared_over_missing_numbers() -> None:
    world = recorded(days=2)
    tell_segment(world, 9, world.now - HOUR, HOUR)
    assert sorted(world.codes()) == ["clock-suspect", "number-missing"]


def test_one_file_of_many_days_fills_no_hole_in_time() -> None:
    world = recorded("cn799", days=2)
    begin = world.now
    world.wait(20 * DAY)
    tell_segment(world, 5, begin, 20 * DAY)
    finding = world.one("inserted-late")
    assert finding.numbers == (5, 5)
    assert finding.en == "segments 5 entered the log 19 d 00:00:00 after they ended"


def test_a_file_of_two_days_can_be_in_time() -> None:
    world = recorded(days=2)
    begin = world.now
    world.wait(2 * DAY)
    tell_segment(world, 5, begin, 2 * DAY)
    assert world.codes() == []


def test_a_file_of_many_days_is_not_taken_with_the_others() -> None:
    world = recorded(days=2)
    footage = world.state.streams[STREAM].footage.copy()
    begin = world.now
    stamp = begin + 20 * DAY
    row = [array("q", [number]) for number in (5, begin, stamp, 99, stamp)]
    assert not footage.take_segments(SegmentColumns(*row))


# ---- a second of footage every three ----


def filmed(world: World, count: int, length: int, pause: int) -> World:
    world.open_site("ctl32")
    world.open_stream()
    for number in range(1, count + 1):
        world.wait(length + pause)
        tell_segment(world, number, world.now - length, length)
    return world


@pytest.mark.parametrize(
    ("length", "pause", "percent"),
    [(SECOND, 2 * SECOND, 38), (2 * SECOND, SECOND // 2, 84), (2 * SECOND, SECOND // 10, 0), (MINUTE, 2 * SECOND, 0)],
)
def test_pauses_within_the_tolerance_are_not_footage(length: int, pause: int, percent: int) -> None:
    world = filmed(World(), 400, length, pause)
    found = [finding.en for finding in world.findings() if finding.code == "availability-low"]
    assert found == ([f"footage covers {percent} % of the time in use"] if percent else [])
    assert "gap-unexplained" not in world.codes()


def test_footage_told_twice_makes_up_for_no_pause() -> None:
    world = World()
    world.open_site("ctl32")
    world.open_stream()
    for number in range(1, 401):
        world.wait(5 * SECOND if number % 2 else SECOND)  # 3 s, the same 2 s again and one more, then 2 s of nothing
        tell_segment(world, number, world.now - 3 * SECOND, 3 * SECOND)
    assert world.one("availability-low").en.startswith("footage covers 7")


# ---- before the law, they say ----


@pytest.mark.parametrize("kind", ["recorder_configuration", "retention_policy"])
def test_a_setting_of_1970_is_a_setting_of_today(kind: str) -> None:
    world = recorded("cn799")
    if kind == "recorder_configuration":
        world.tell(1, recorder_configuration=pb.RecorderConfiguration(streams=[STREAM], retention_us=7 * DAY))
    else:
        world.tell(
            1,
            retention_policy=pb.RetentionPolicy(
                streams=[STREAM], minimum_us=7 * DAY, effective_from_us=1, basis="house"
            ),
        )
    assert world.one("retention-short").rules == ("default.retention-short", "cn799.retention-short")


def test_what_was_found_gone_was_found_when_it_was_told() -> None:
    world = recorded("bj185", "cn799", days=40)
    run = pb.SegmentRange(stream=STREAM, first=1, last=1)
    world.tell(
        1, disposal=pb.Disposal(
            ranges=[run], kind=pb.DISPOSAL_KIND_LOST, knowledge=pb.DISPOSAL_KNOWLEDGE_OBSERVED, deleted_us=world.now
        ),
    )  # fmt: skip
    assert len(world.one("disposal-unannounced").rules) == 3
