"""Holds on one stream: footage that nobody may delete, from placing to release or expiry.

A hold placed again under the same id adds spans. It binds from its own moment or its stamp, whichever is earlier, and what
ends it counts from its stamp at the earliest: an expiry that was over when the hold was told is none. It is released by
whoever placed it, or by whoever binds the order's hash: a release by others is a finding and the hold goes on.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from custody.core.limits import MAX_TIME_US
from custody.rules.case import Case
from custody.rules.field_words import fields_in_words
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

    def binds(self, note: Note, from_us: int, to_us: int) -> bool:
        """True when it bound what the note tells of, at any moment of the period, both ends included.

        Of equal moments the order of the log decides.
        """
        placed = self.placed_us < to_us or (self.placed_us == to_us and self.note.index < note.index)
        return placed and from_us < self.until_us

    def released_by(self, note: Note) -> bool:
        """True when the release ends it: told by who placed it, or with the hash of an order."""
        return note.submitter == self.note.submitter or bool(note.body.order.document_sha256)

    def touches(self, from_us: int, to_us: int) -> bool:
        """True when it holds footage of that time; an instant counts as one microsecond."""
        return self.from_us < max(to_us, from_us + 1) and from_us < self.to_us


def holds(stream: str, notes: Iterable[Note]) -> list[Hold]:
    """Every hold of a stream, one for each span."""
    found: list[Hold] = []
    for note in notes:
        if note.kind == "hold_placed":
            expires_us = note.body.expires_us
            until_us = expires_us if expires_us > note.sequenced_us else MAX_TIME_US
            found.extend(
                Hold(note.body.hold_id, span.from_us, span.to_us, note.binds_us, until_us, note)
                for span in note.body.spans
                if span.stream == stream
            )
        elif note.kind == "hold_released":
            for place, hold in enumerate(found):
                if hold.id == note.body.hold_id and hold.released_by(note):
                    # Who deletes before a release is told deletes under the hold, whatever moment the release names.
                    found[place] = hold._replace(until_us=min(hold.until_us, note.frees_us))
    return found


def check_releases(case: Case) -> Iterator[Finding]:
    """Releases that leave what somebody else placed as it is."""
    assert case.stream is not None
    placed: list[Hold] = []
    for note in case.stream.notes:
        if note.kind == "hold_placed":
            placed.extend(holds(case.stream.name, [note]))
        elif note.kind == "hold_released":
            placed = [hold for hold in placed if hold.id != note.body.hold_id or not hold.released_by(note)]
            left = [
                hold.note for hold in placed if hold.id == note.body.hold_id and hold.until_us > note.sequenced_us
            ]  # fmt: skip
            if left:
                english, chinese = fields_in_words(["order.document_sha256"])
                rules = case.rules("hold-without-order", note.sequenced_us)
                yield from case.find(
                    "hold-without-order", rules, (note.at_us, note.at_us), notes=[*left, note],
                    zh={"fields": chinese}, words={"fields": english},
                )  # fmt: skip


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
            and hold.binds(note, note.at_us, note.at_us)
            and hold.touches(span.from_us, span.to_us)
        ):
            placed = [one.note for one in every if one.id == hold]
            rules = case.rules("access-during-hold", note.at_us)
            period = (note.at_us, note.at_us + note.body.duration_us)
            yield from case.find("access-during-hold", rules, period, notes=[note, *placed], words={"hold": hold})
