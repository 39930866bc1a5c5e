"""Effective retention: the longest basis in force during the footage's life."""

from __future__ import annotations

from tests.rules.simulator import DAY, HOUR, START, STREAM, World, document

from custody.rules import Severity
from custody.v1 import record_pb2 as pb


def _early(world: World) -> list[str]:
    return [finding.en for finding in world.findings() if finding.code == "disposed-early"]


def test_a_later_shorter_policy_does_not_shorten_what_was_promised(world: World) -> None:
    world.lawful()
    world.policy(60, since=START)
    world.record(days=10, length=DAY)  # 3..12 promised 60 days
    world.policy(30, since=START)  # told later, and backdated
    world.record(days=50, length=DAY)
    assert world.dispose(5, 14)
    assert _early(world) == ["segments 5-14 were disposed of after 50 days; 60 days were due"]


def test_a_new_policy_binds_what_begins_after_it(world: World) -> None:
    world.lawful()
    world.policy(60, since=START)
    world.record(days=2, length=DAY)
    world.policy(10)
    world.record(days=20, length=DAY)
    world.dispose(7, 10)  # begun after the new policy
    assert _early(world) == []
    world.dispose(6, 6)  # begun before it
    assert _early(world) == ["segments 6 were disposed of after 20 days; 60 days were due"]


def test_a_longer_policy_told_later_lengthens(world: World) -> None:
    world.lawful()
    world.policy(1, since=START)
    world.record(days=3, length=DAY)
    world.policy(9, since=START)
    world.dispose(1, 2)
    assert _early(world) == ["segments 1-2 were disposed of after 4 days; 9 days were due"]


def test_the_longest_law_counts_and_all_broken_ones_are_cited(world: World) -> None:
    world.lawful("bj185", "cn799", priority_target=True)
    world.record(days=20, length=DAY)
    world.dispose(1, 1)
    finding = world.one("disposed-early")
    assert finding.en == "segments 1 were disposed of after 21.50 days; 90 days were due"
    assert finding.rules == (
        "default.disposed-early", "bj185.disposed-early", "cn799.disposed-early", "ctl32.disposed-early",
    )  # fmt: skip
    assert finding.severity is Severity.CRITICAL
    assert [article.id for article in finding.articles] == ["D185-13(3)", "SCO799-17", "CTL-32"]
    assert [penalty.id for penalty in finding.penalties] == ["D185-19..26", "CTL-88"]


def test_only_the_laws_that_are_broken_are_cited(world: World) -> None:
    world.lawful("cn799", priority_target=True)
    world.record(days=40, length=DAY)
    world.dispose(1, 1)
    assert world.one("disposed-early").rules == ("default.disposed-early", "ctl32.disposed-early")


def test_a_law_that_bound_for_part_of_the_life_counts(world: World) -> None:
    world.lawful("ctl32")
    world.open_site("default")  # since then without it
    world.record(days=40, length=DAY)
    world.dispose(1, 1)
    world.dispose(20, 20)
    assert _early(world) == ["segments 1 were disposed of after 41.50 days; 90 days were due"]


def test_one_disposal_over_two_policies_is_split(world: World) -> None:
    world.lawful()
    world.policy(5)
    world.record(days=1, length=HOUR)
    world.tell(
        retention_policy=pb.RetentionPolicy(streams=[STREAM], minimum_us=HOUR, effective_from_us=world.now, basis="x")
    )
    world.record(days=1, length=HOUR)
    world.dispose(1, 40)
    assert _early(world) == ["segments 5-28 were disposed of after 1 days; 5 days were due"]


def test_ordered_disposal_may_be_early_but_not_under_a_hold(world: World) -> None:
    world.lawful("cn799")
    world.dispose(1, 1, kind="ordered", authority="Court", order=document("court_order"))
    assert world.codes() == []
    world.hold()
    world.dispose(2, 2, kind="ordered", authority="Court", order=document("court_order"))
    assert world.codes() == ["disposed-under-hold"]


def test_a_hold_covers_its_time_only(world: World) -> None:
    world.lawful()
    world.record(days=2, length=DAY)
    world.hold(begin=START + DAY, end=START + 2 * DAY)
    world.dispose(1, 6)
    finding = world.one("disposed-under-hold")
    assert finding.numbers == (3, 4)
    assert finding.period_us == (START + DAY, START + 2 * DAY)


def test_a_hold_expires(world: World) -> None:
    world.lawful()
    world.hold(expires_us=world.now + DAY)
    world.record(days=1, length=DAY)
    world.dispose(1, 1)
    assert world.codes() == []


def test_over_retention_stops_at_a_hold_and_counts_the_longest_maximum(world: World) -> None:
    world.lawful()
    world.policy(1, 5, since=START)
    world.record(days=10, length=DAY)
    world.hold(begin=START, end=START + 12 * HOUR)
    finding = world.one("over-retained")
    assert finding.numbers == (2, 5)
    assert finding.en == "segments 2-5 are kept beyond the promised 5 days"
    world.release()
    assert world.one("over-retained").numbers == (1, 5)
    world.policy(1, 0, since=START)  # no maximum promised any more
    assert world.codes() == []


def test_a_maximum_is_never_below_the_minimum(world: World) -> None:
    world.lawful("cn799")
    world.policy(1, 5, since=START)
    world.record(days=20, length=DAY)
    assert [code for code in world.codes() if code == "over-retained"] == []


def test_a_policy_below_the_law_is_seen_at_once(world: World) -> None:
    world.lawful("cn799")
    world.policy(7)
    assert world.one("retention-short").en == "retention is set to 7 days; at least 30 days are due"


def test_disposal_of_what_never_was(world: World) -> None:
    world.lawful()
    world.segment(number=8, length=HOUR, begin=world.now)
    world.dispose(3, 10)
    found = [finding.numbers for finding in world.findings() if finding.code == "disposal-unfounded"]
    assert found == [(5, 7), (9, 10)]


def test_the_moment_of_deletion_counts_not_of_telling(world: World) -> None:
    world.lawful("cn799")
    world.record(days=40, length=DAY)
    world.dispose(1, 1, deleted_us=START + 20 * DAY)
    assert world.one("disposed-early").en == "segments 1 were disposed of after 19.50 days; 30 days were due"


def test_other_streams_of_the_same_records_are_left_alone(world: World) -> None:
    world.lawful()
    world.tell(
        disposal=pb.Disposal(
            ranges=[
                pb.SegmentRange(stream=STREAM, first=1, last=1),
                pb.SegmentRange(stream="north/yard", first=1, last=1),
            ],
            kind=pb.DISPOSAL_KIND_PLANNED,
            knowledge=pb.DISPOSAL_KNOWLEDGE_ANNOUNCED,
        )
    )
    world.tell(
        hold_placed=pb.HoldPlaced(
            hold_id="h", case_number="C", authority="Court", spans=[world.span("north/yard"), world.span()]
        )
    )
    world.access(spans=[world.span("north/yard"), world.span()])
    assert [(finding.subject.name, finding.code) for finding in world.findings()] == [
        ("north/gate", "access-during-hold"),
        ("north/yard", "disposal-unfounded"),
        ("north/yard", "access-during-hold"),
    ]
