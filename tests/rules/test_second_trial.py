"""A second trial of the rules: what a liar tried next, and what an honest operator would rightly have contested."""

import pytest
from tests.rules.simulator import DAY, HOUR, MINUTE, SECOND, START, STREAM, World, digest

from custody.v1 import record_pb2 as pb


def lawful(days: float = 2) -> World:
    return World().lawful("bj185", "cn799", days=days)


# ---- a liar ----


def test_what_was_long_overdue_was_not_deleted_by_the_setting() -> None:
    """It keeps for 45 days what it is set to delete after 30: after a hold nobody believes that it just went by itself."""
    world = lawful(days=33)
    world.configure(retention_us=30 * DAY)
    world.record(days=12, length=12 * HOUR)
    placed = world.now
    world.hold(begin=START, end=START + 10 * DAY)
    world.wait(20 * HOUR)
    world.dispose(1, 20, deleted_us=placed - SECOND)
    world.segment(length=20 * HOUR, begin=placed)
    found = world.one("disposed-under-hold")
    assert found.numbers == (1, 20)
    assert found.en.endswith("that they went before rests on the source's word alone")


def test_a_loss_that_a_scan_found_is_not_undone_by_a_deletion_dated_back() -> None:
    world = lawful(days=40)
    everything, lost = (pb.SegmentRange(stream=STREAM, first=1, last=last) for last in (10, 4))
    world.tell(integrity_scan=pb.IntegrityScan(ranges=[everything], files=6, missing=[lost]))
    scanned = world.now
    world.record(days=20, length=12 * HOUR).dispose(1, 4, deleted_us=scanned - HOUR)
    assert world.one("missing").numbers == (1, 4)


def test_an_hour_is_not_told_twice_in_short_steps_back() -> None:
    """Each step is within the tolerance; together they lead back to where a forged film begins."""
    world = lawful(days=1)
    world.record(hours=1, length=10 * MINUTE)
    end = world.now
    number, moment = world.numbers[STREAM], end
    while moment > end - HOUR // 2:
        number, moment = number + 1, moment - 2 * SECOND + 1
        told = pb.Segment(stream=STREAM, number=number, duration_us=1, size_bytes=1, file_sha256=digest(str(number)))
        world.tell(moment - 1, segment=told)
    forged = pb.Segment(
        stream=STREAM, number=number + 1, duration_us=end - moment, size_bytes=1, file_sha256=digest("forged")
    )
    world.tell(moment, segment=forged)
    assert any("00:30:0" in one.en for one in world.findings() if one.code == "clock-suspect")


# ---- an honest operator ----


def test_a_file_that_is_being_written_is_no_gap_while_the_source_is_heard_of() -> None:
    world = lawful(days=1)
    world.configure(segment_us=HOUR)
    world.record(hours=5, length=HOUR)
    for _ in range(50):
        world.wait(MINUTE)
        world.beat()
    assert world.codes() == []
    for _ in range(80):
        world.wait(MINUTE)
        world.beat()
    assert "gap-unexplained" in world.codes()


def test_without_a_sign_of_life_nothing_is_being_written() -> None:
    world = lawful(days=1)
    world.configure(segment_us=HOUR)
    world.record(hours=5, length=HOUR).wait(50 * MINUTE)
    assert "gap-unexplained" in world.codes()


def test_a_declared_outage_lasts_while_the_source_is_heard_of() -> None:
    world = lawful(days=1)
    world.configure(segment_us=10 * SECOND)
    begin = world.now
    world.wait(MINUTE)
    world.gap(begin, world.now, still=True)
    for _ in range(90):
        world.beat(interval=2 * MINUTE)
        world.wait(MINUTE)
    assert [one.code for one in world.findings() if one.code != "gap-explained"] == []
    world.wait(5 * HOUR)
    assert {"gap-unexplained", "gap-open"} <= set(world.codes())


@pytest.mark.parametrize("late", [90 * SECOND, 5 * MINUTE])
def test_who_writes_down_a_visit_some_minutes_later_has_written_it_down(late: int) -> None:
    world = lawful()
    seen = world.now
    spans = [world.span(begin=seen - HOUR, end=seen)]
    observed = pb.Access(act=pb.ACCESS_ACT_CONSULT, spans=spans, observed=True)
    world.tell(seen, access=observed)
    world.wait(late)
    world.tell(access=world.access_body(act=pb.ACCESS_ACT_CONSULT, spans=spans, duration_us=HOUR // 2))
    world.wait(HOUR // 2)
    assert not {"no-authorisation", "register-incomplete"} & set(world.codes())


def test_the_filing_may_follow_a_retirement() -> None:
    world = lawful(days=3)
    world.retire()
    assert "filing-mismatch" not in world.codes()
    world.wait(40 * DAY)
    assert "filing-mismatch" in world.codes()
