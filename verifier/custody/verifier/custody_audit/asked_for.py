"""Whether what an audit was asked for is in the log at all: a mistyped camera has no findings, and is not fine for that."""

from collections.abc import Iterator

from custody.rules import CustodyState, Scope
from custody.verifier.custody_audit.not_checked import Unchecked, unchecked
from custody.verifier.custody_audit.zone import Zone
from custody.verifier.near_names import near


def unmet(state: CustodyState, scope: Scope, at_us: int, zone: Zone) -> Iterator[Unchecked]:
    """What of the scope could not be judged, because no entry tells of it."""
    for code, wanted, known in (
        ("site-unknown", scope.sites, state.sites),
        ("camera-unknown", scope.streams, state.streams),
    ):
        for name in sorted(wanted - known.keys()):
            yield unchecked(code, name=name, near=", ".join(near(name, known)) or "—")
    first_us = _first(state, scope)
    if first_us is None:
        return
    if at_us < first_us or scope.from_us > at_us or (scope.to_us is not None and scope.to_us <= first_us):
        yield unchecked("period-empty", first=zone.show(first_us), last=zone.show(max(at_us, state.sequenced_us)))


def _first(state: CustodyState, scope: Scope) -> int | None:
    """The earliest time of which an entry tells, or at which one was made; None: the log tells of nothing in scope."""
    streams = [stream for stream in state.streams.values() if scope.stream(stream)]
    filed = [*(one.notes for one in streams), *(one.notes for one in state.sites.values() if scope.site(one))]
    notes = [min(note.at_us, note.sequenced_us) for one in filed for note in one]
    begins = [run[2] for stream in streams for run in stream.footage.ordered_runs()]
    return min((*notes, *begins), default=None)
