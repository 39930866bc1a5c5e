"""Coverage timeline of one camera, for the report: recorded, declared gap, unexplained gap, disposed, held.

The first four kinds share the time in use between them without overlap; `HELD` lies over them.
"""

from enum import Enum
from typing import NamedTuple

from custody.rules.case import Case
from custody.rules.coverage import Coverage, reason_of
from custody.rules.disposal import Disposals
from custody.rules.observation import Observation
from custody.rules.spans import intersect, subtract, union
from custody.rules.state import CustodyState


class StretchKind(Enum):
    """What a stretch of time shows."""

    RECORDED = "recorded"
    DISPOSED = "disposed"
    DECLARED_GAP = "declared gap"
    UNEXPLAINED_GAP = "unexplained gap"
    HELD = "held"


class Stretch(NamedTuple):
    """Half-open period; `reason_en` and `reason_zh` for a declared gap, the hold's id for a hold, else empty."""

    from_us: int
    to_us: int
    kind: StretchKind
    reason_en: str
    reason_zh: str


def timeline(state: CustodyState, stream: str, at_us: int) -> tuple[Stretch, ...]:
    """All stretches of a stream up to `at_us`, by time; none for a stream that the state does not know."""
    found = state.streams.get(stream)
    if found is None:
        return ()
    case = Case(state, state.sites[found.site], found, at_us, Observation())
    coverage, disposals = Coverage(case), Disposals(case)
    gone = union(found.footage.times(first, last) for first, last, _ in disposals.claims)
    rows = [Stretch(*part, StretchKind.RECORDED, "", "") for part in subtract(coverage.recorded, gone)]
    rows += [Stretch(*part, StretchKind.DISPOSED, "", "") for part in gone]
    free = subtract(coverage.explained, coverage.recorded)
    for begin, end, reason, _, _ in coverage.declared:
        parts = intersect(union([(begin, end)]), free)
        free = subtract(free, union([(begin, end)]))
        rows += [Stretch(*part, StretchKind.DECLARED_GAP, *reason_of(reason)) for part in parts]
    rows += [Stretch(*part, StretchKind.DECLARED_GAP, *reason_of(5)) for part in free]
    rows += [Stretch(*part, StretchKind.UNEXPLAINED_GAP, "", "") for part in coverage.missing]
    rows += [
        Stretch(hold.from_us, min(hold.to_us, at_us), StretchKind.HELD, hold.id, hold.id)
        for hold in disposals.holds
        if hold.active(at_us) and hold.from_us < at_us
    ]
    return tuple(sorted(rows, key=lambda row: (row.from_us, row.to_us, row.kind.value, row.reason_en)))
