"""Verdicts on segments and what was seen in the footage store."""

from __future__ import annotations

import pytest
from tests.rules.simulator import DAY, HOUR, START, STREAM, World

from custody.rules import Observation, Status, segment_verdicts
from custody.rules.observation import Seen
from custody.v1 import record_pb2 as pb


def _verdicts(world: World, *runs: tuple[int, int, Status]) -> list[tuple[int, int, str]]:
    observation = Observation(streams={STREAM: [Seen(*run) for run in runs]})
    return [
        (run.first, run.last, run.verdict.value)
        for run in segment_verdicts(world.state, STREAM, world.now, observation)
    ]


def test_every_number_gets_one_word(world: World) -> None:
    world.lawful("cn799")
    world.policy(30, 40, since=START)
    world.record(days=48, length=DAY)
    world.dispose(1, 1)
    world.dispose(30, 31)
    begin = world.now
    world.wait(3 * DAY)
    for place in range(3):
        world.segment(begin=begin + place * DAY, length=DAY)
    assert _verdicts(
        world,
        (1, 3, Status.PRESENT),
        (4, 4, Status.ALTERED),
        (5, 5, Status.MISSING),
        (6, 6, Status.DERIVED),
        (7, 60, Status.PRESENT),
    ) == [
        (1, 1, "disposed lawfully"),
        (2, 3, "over-retained"),
        (4, 4, "altered"),
        (5, 5, "missing"),
        (6, 6, "derived (not bit-identical)"),
        (7, 11, "over-retained"),
        (12, 29, "present"),
        (30, 31, "disposed early"),
        (32, 52, "present"),
        (53, 53, "inserted late"),
        (54, 55, "present"),
    ]


def test_what_nobody_looked_at_is_not_checked(world: World) -> None:
    world.lawful()
    assert _verdicts(world) == [(1, 4, "not checked")]
    assert _verdicts(world, (2, 3, Status.NOT_CHECKED)) == [(1, 4, "not checked")]
    assert _verdicts(world, (2, 3, Status.PRESENT)) == [(1, 1, "not checked"), (2, 3, "present"), (4, 4, "not checked")]
    assert segment_verdicts(world.state, "north/none", world.now) == ()


def test_verdicts_run_by_run(world: World) -> None:
    world.lawful()
    world.wait(HOUR).segment(number=9, length=30 * 60_000_000)
    assert _verdicts(world, (1, 9, Status.PRESENT)) == [(1, 4, "present"), (9, 9, "present")]


def test_findings_name_the_ends_of_a_run(world: World) -> None:
    world.lawful()
    found = world.findings(Observation(streams={STREAM: [Seen(2, 3, Status.ALTERED), Seen(7, 8, Status.ALTERED)]}))
    assert [(finding.code, finding.numbers) for finding in found] == [("altered", (2, 3))]
    first = world.state.streams[STREAM].footage.index_of(2)
    assert found[0].indexes == (first, world.state.streams[STREAM].footage.index_of(3))
    assert found[0].record_ids == ()


def test_a_file_that_is_gone_is_not_over_retained(world: World) -> None:
    world.lawful()
    world.policy(1, 2, since=START)
    world.record(days=10, length=DAY)
    seen = Observation(streams={STREAM: [Seen(1, 3, Status.MISSING), Seen(4, 4, Status.NOT_CHECKED)]})
    assert [(finding.code, finding.numbers) for finding in world.findings(seen)] == [
        ("missing", (1, 3)),
        ("over-retained", (4, 8)),
    ]


INSPECTOR, RECORDER = "urn:custody:inspector:i", "urn:custody:recorder:nvr-1"


def _scan(
    world: World, *, altered: int = 0, missing: int = 0, truncated: bool = False, files: int = 13, by: str = RECORDER
) -> int:
    def run(first: int, last: int) -> pb.SegmentRange:
        return pb.SegmentRange(stream=STREAM, first=first, last=last)

    return world.tell(
        by=by,
        integrity_scan=pb.IntegrityScan(
            files=files,
            ranges=[run(1, 4), pb.SegmentRange(stream="north/yard", first=1, last=9)],
            altered=[run(altered, altered)] if altered else [],
            missing=[run(missing, missing)] if missing else [],
            truncated=truncated,
        ),
    )


def test_what_a_scan_said_counts_where_nobody_looked(world: World) -> None:
    world.lawful()
    index = _scan(world, altered=2, missing=3)
    assert _verdicts(world) == [(1, 1, "not checked"), (2, 2, "altered"), (3, 3, "missing"), (4, 4, "not checked")]
    found = world.findings()
    assert [(finding.code, finding.numbers) for finding in found] == [("altered", (2, 2)), ("missing", (3, 3))]
    assert all(index in finding.indexes for finding in found)
    assert _verdicts(world, (1, 4, Status.PRESENT)) == [(1, 4, "present")]
    assert world.codes(Observation(streams={STREAM: [Seen(1, 4, Status.PRESENT)]})) == []


def test_what_was_altered_stays_altered_and_what_was_missing_may_come_back(world: World) -> None:
    world.lawful()
    first = _scan(world, altered=2)
    _scan(world, missing=4, truncated=True)
    assert world.codes() == ["altered", "missing"]
    _scan(world, missing=2, truncated=True)
    assert world.codes() == ["altered", "missing"]
    _scan(world)
    assert world.codes() == ["altered"]
    assert first in world.one("altered").indexes


def test_a_scan_that_could_not_tell_all_says_nothing_of_the_rest(world: World) -> None:
    world.lawful()
    _scan(world, missing=3)
    _scan(world, missing=4, truncated=True)
    assert [finding.numbers for finding in world.findings()] == [(3, 3), (4, 4)]


@pytest.mark.parametrize(
    ("files", "left"), [(0, [(3, 3), (4, 4)]), (11, [(3, 3), (4, 4)]), (12, [(4, 4)]), (13, [(4, 4)])]
)
def test_a_scan_that_read_fewer_files_than_it_names_read_none(
    world: World, files: int, left: list[tuple[int, int]]
) -> None:
    world.lawful()
    _scan(world, missing=3)
    _scan(world, missing=4, files=files)
    assert [finding.numbers for finding in world.findings()] == left


def test_no_party_undoes_what_another_found(world: World) -> None:
    world.lawful()
    found = _scan(world, altered=3, missing=4, by=INSPECTOR)
    world.wait(HOUR)
    _scan(world)
    findings = [one for one in world.findings() if one.code in {"altered", "missing"}]
    assert [(one.code, one.numbers) for one in findings] == [("altered", (3, 3)), ("missing", (4, 4))]
    assert all(found in one.indexes for one in findings)
    _scan(world, by=INSPECTOR)
    assert "missing" not in world.codes()
    assert "altered" in world.codes()


def test_a_disposal_told_after_the_scan_hides_no_loss(world: World) -> None:
    world.lawful()
    world.dispose(1, 1, deleted_us=world.now)
    _scan(world, missing=1)
    assert world.codes() == []
    _scan(world, missing=2)
    world.wait(HOUR)
    world.dispose(2, 2)
    assert [finding.numbers for finding in world.findings() if finding.code == "missing"] == [(2, 2)]
