"""Times and lengths that a source claims, held against the ledger's own stamp. Each was a way out; and each has an honest twin."""

from __future__ import annotations

import pytest
from tests.rules.simulator import DAY, HOUR, MINUTE, SECOND, START, STREAM, World, digest, document

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
    world = kept(retention_days=30)
    deleted = world.now - SECOND
    held(world).record(hours=12, length=12 * HOUR)
    world.dispose(1, 10, deleted_us=deleted)
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
    world = kept(retention_days=30)
    deleted = world.now - SECOND
    held(world).record(hours=6, length=6 * HOUR)
    if shown == "a scan":
        scan(world)
    else:
        spans = [world.span(begin=START, end=START + 5 * DAY)]
        world.access(act=pb.ACCESS_ACT_COPY, copies_sha256=[digest("copy")], spans=spans)
    world.record(hours=6, length=6 * HOUR).dispose(1, 10, deleted_us=deleted)
    assert world.one("disposed-under-hold").numbers == (1, 10)


@pytest.mark.parametrize("shown", ["truncated scan", "scan that missed it", "look without a copy", "before"])
def test_what_shows_nothing_of_it_takes_nothing_away(shown: str) -> None:
    world = kept(retention_days=30)
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
    world.record(hours=6, length=6 * HOUR).dispose(1, 10, deleted_us=deleted)
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
