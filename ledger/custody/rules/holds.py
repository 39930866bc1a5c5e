"""Holds on one stream: footage that nobody may delete, from placing to release or expiry.

A hold placed again under the same id adds spans. A release ends all of it, also when the hold was never placed: the
odd order is a finding of its own.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from custody.core.limits import MAX_TIME_US
from custody.rules.case import Case
from custody.rules.finding import Finding
from custody.rules.state import Note


class Hold(NamedTuple):
    """Footage of one span is held from `placed_us` until before `until_us`."""

    id: str
    from_us: int
    to_us: int
    placed_us: int
    until_us: int
    note: Note

    def active(self, at_us: int) -> bool:
        """True when it binds at that moment."""
        return self.placed_us <= at_us < self.until_us

    def binds(self, note: Note, at_us: int) -> bool:
        """True when it bound what the note tells of `at_us`; of equal moments the order of the log decides."""
        return self.active(at_us) and (self.placed_us < at_us or self.note.index < note.index)

    def touches(self, from_us: int, to_us: int) -> bool:
        """True when it holds footage of that time; an instant counts as one microsecond."""
        return self.from_us < max(to_us, from_us + 1) and from_us < self.to_us


def holds(stream: str, notes: Iterable[Note]) -> list[Hold]:
    """Every hold of a stream, one for each span."""
    found: list[Hold] = []
    for note in notes:
        if note.kind == "hold_placed":
            until_us = note.body.expires_us or MAX_TIME_US
            found.extend(
                Hold(note.body.hold_id, span.from_us, span.to_us, note.at_us, until_us, note)
                for span in note.body.spans
                if span.stream == stream
            )
        elif note.kind == "hold_released":
            for place, hold in enumerate(found):
                if hold.id == note.body.hold_id:
                    # Who deletes before a release is told deletes under the hold, whatever moment the release names.
                    released_us = max(note.at_us, note.sequenced_us)
                    found[place] = hold._replace(until_us=min(hold.until_us, released_us))
    return found


def check_access(case: Case) -> Iterator[Finding]:
    """Lists access to footage while it was held: no breach, but a court wants to know."""
    assert case.stream is not None
    every = holds(case.stream.name, case.stream.notes)
    if not every:
        return
    for note in case.stream.notes:
        if note.kind != "access":
            continue
        for hold in dict.fromkeys(
            hold.id
            for hold in every
            for span in note.body.spans
            if span.stream == case.stream.name
            and hold.binds(note, note.at_us)
            and hold.touches(span.from_us, span.to_us)
        ):
            placed = [one.note for one in every if one.id == hold]
            rules = case.rules("access-during-hold", note.at_us)
            period = (note.at_us, note.at_us + note.body.duration_us)
            yield from case.find("access-during-hold", rules, period, notes=[note, *placed], words={"hold": hold})
