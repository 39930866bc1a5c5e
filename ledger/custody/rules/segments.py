"""Verdicts on segments: every registered number of a stream gets exactly one word of DESIGN section 7.

What a source's own integrity scan found altered or missing counts as seen where nobody looked now. The first
that is true counts: altered (seen), disposed early or lawfully (told), missing (seen), derived (seen),
over-retained (seen present beyond the maximum), inserted late, present (seen); otherwise not checked.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from custody.rules.case import Case
from custody.rules.disposal import Disposals
from custody.rules.finding import Finding, Verdict
from custody.rules.footage import IN_TIME_US
from custody.rules.observation import Observation, Seen, Status
from custody.rules.ranges import Claims
from custody.rules.retention import days
from custody.rules.scans import Scanned, scans
from custody.rules.state import CustodyState, Note


class SegmentRun(NamedTuple):
    """Consecutive numbers with one verdict; `period_us` from the first picture to the last."""

    first: int
    last: int
    verdict: Verdict
    period_us: tuple[int, int]


_SEEN = {
    Status.ALTERED: Verdict.ALTERED,
    Status.MISSING: Verdict.MISSING,
    Status.DERIVED: Verdict.DERIVED,
}


def segment_verdicts(
    state: CustodyState, stream: str, at_us: int, observation: Observation | None = None
) -> tuple[SegmentRun, ...]:
    """Verdicts on all registered segments of a stream, ascending; none for a stream that the state does not know."""
    found = state.streams.get(stream)
    if found is None:
        return ()
    case = Case(state, state.sites[found.site], found, at_us, observation or Observation())
    disposals = Disposals(case)
    return tuple(
        SegmentRun(first, last, verdict, disposals.footage.times(first, last))
        for first, last, verdict in _runs(case, disposals)
    )


def _runs(case: Case, disposals: Disposals) -> Iterator[tuple[int, int, Verdict]]:
    seen = _claims((one.first, one.last, one.status) for one in case.seen.runs(case.subject.name))
    late = _claims((first, last, True) for first, last, _ in late_runs(case))
    over = _claims((first, last, True) for first, last, _ in disposals.overdue)
    told = scans(case)
    tables: tuple[Claims[Any], ...] = (seen, told, late, over, disposals.claims)
    cuts = sorted({cut for table in tables for first, last, _ in table for cut in (first, last + 1)})
    for run_first, run_last, _, _, _ in disposals.footage.ordered_runs():
        inner = cuts[bisect_right(cuts, run_first) : bisect_right(cuts, run_last)]
        steps = [run_first, *inner, run_last + 1]
        before: tuple[int, int, Verdict] | None = None
        for low, after in pairwise(steps):
            piece = disposals.claims.at(low)
            verdict = _verdict(
                _status(seen.at(low), told.at(low)),
                None if piece is None else piece.verdict,
                over=over.at(low) is not None,
                late=late.at(low) is not None,
            )
            if before is not None and before[2] is verdict:
                before = (before[0], after - 1, verdict)
                continue
            if before is not None:
                yield before
            before = (low, after - 1, verdict)
        assert before is not None
        yield before


def _status(seen: Status | None, told: Scanned | None) -> Status:
    if seen is not None and seen is not Status.NOT_CHECKED:
        return seen
    return Status.NOT_CHECKED if told is None else told.status


def _verdict(status: Status, disposed: Verdict | None, *, over: bool, late: bool) -> Verdict:
    if status is Status.ALTERED:
        return Verdict.ALTERED
    if disposed is not None:
        return disposed
    if status in _SEEN:
        return _SEEN[status]
    if over and status is Status.PRESENT:
        return Verdict.OVER_RETAINED
    if late:
        return Verdict.INSERTED_LATE
    return Verdict.PRESENT if status is Status.PRESENT else Verdict.NOT_CHECKED


def _claims(rows: Iterable[tuple[int, int, object]]) -> Claims[Any]:
    claims: Claims[Any] = Claims()
    for first, last, value in rows:
        claims.add(first, last, value)
    return claims


def late_runs(case: Case) -> list[tuple[int, int, int]]:
    """(first, last, longest delay in microseconds) of segments that a rule calls late."""
    assert case.stream is not None
    found: list[tuple[int, int, int]] = []
    for number, delay_us, _, end_us in sorted(case.stream.footage.late.rows()):
        rules = case.rules("inserted-late", end_us)
        if not any(delay_us > rule.parameters["late_seconds"] * 1_000_000 for rule in rules):
            continue
        if found and found[-1][1] + 1 == number:
            found[-1] = (found[-1][0], number, max(found[-1][2], delay_us))
        else:
            found.append((number, number, delay_us))
    return found


def check_seen(case: Case, disposals: Disposals) -> Iterator[Finding]:
    """What was seen in the footage store, and what is kept too long."""
    footage = disposals.footage
    for one in case.seen.runs(case.subject.name):
        for first, last in footage.pieces(one.first, one.last):
            yield from _check_run(case, disposals, one, first, last)
    yield from _check_scans(case, disposals)
    gone = _claims(
        (one.first, one.last, True) for one in case.seen.runs(case.subject.name) if one.status is Status.MISSING
    )
    for first, last, maximum_us in disposals.overdue:
        for low, high in gone.free(first, last):
            indexes = (footage.index_of(low), footage.index_of(high))
            rules = case.rules("over-retained", case.at_us)
            period = footage.times(low, high)
            words = {"maximum": days(maximum_us)}
            yield from case.find("over-retained", rules, period, indexes=indexes, numbers=(low, high), words=words)


def _check_run(case: Case, disposals: Disposals, one: Seen, first: int, last: int) -> Iterator[Finding]:
    free = disposals.claims.free(first, last)
    disposed: Sequence[tuple[int, int]] = _rest(first, last, free)
    if one.status is Status.ALTERED:
        yield from _found(case, disposals, "altered", [(first, last)])
    elif one.status is Status.MISSING:
        yield from _found(case, disposals, "missing", free)
    elif one.status is Status.DERIVED:
        yield from _found(case, disposals, "derived", [(first, last)])
    if one.status is not Status.MISSING and one.status is not Status.NOT_CHECKED:
        yield from _found(case, disposals, "disposed-present", disposed)


def _check_scans(case: Case, disposals: Disposals) -> Iterator[Finding]:
    looked = _claims(
        (one.first, one.last, True) for one in case.seen.runs(case.subject.name) if one.status is not Status.NOT_CHECKED
    )
    for first, last, told in scans(case):
        gone = _claims(
            (low, high, True)
            for low, high, piece in disposals.claims
            if piece.deleted_us <= told.note.at_us and piece.note.sequenced_us <= told.note.sequenced_us + IN_TIME_US
        )
        for low, high in looked.free(first, last):
            for part in disposals.footage.pieces(low, high):
                if told.status is Status.ALTERED:
                    yield from _found(case, disposals, "altered", [part], told.note)
                else:
                    yield from _found(case, disposals, "missing", gone.free(*part), told.note)


def _rest(first: int, last: int, free: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    claims = _claims((low, high, True) for low, high in free)
    return claims.free(first, last)


def _found(
    case: Case, disposals: Disposals, code: str, parts: Sequence[tuple[int, int]], *notes: Note
) -> Iterator[Finding]:
    footage = disposals.footage
    for first, last in parts:
        period = footage.times(first, last)
        rules = case.rules(code, period[0])
        indexes = (footage.index_of(first), footage.index_of(last))
        yield from case.find(code, rules, period, notes=notes, indexes=indexes, numbers=(first, last))
