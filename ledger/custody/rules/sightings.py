"""When the log itself shows that footage was still there: a scan that read it, a copy that was made of it.

That somebody looked at a period does not show that all of it was there, so only an access of which copies exist counts.
"""

from collections.abc import Iterator

from custody.rules.case import Case
from custody.rules.footage import Footage
from custody.rules.ranges import Claims
from custody.rules.state import Note


def seen_after(case: Case, footage: Footage, piece: tuple[int, int], moment_us: int) -> Claims[None]:
    """The numbers of a piece of one run that the log shows to have been there after a moment."""
    seen: Claims[None] = Claims()
    for note in case.notes:
        if note.binds_us <= moment_us:
            continue
        for low, high in _shown(case, footage, note, *piece):
            for part in seen.free(max(low, piece[0]), min(high, piece[1])):
                seen.add(*part, None)
    return seen


def _shown(case: Case, footage: Footage, note: Note, first: int, last: int) -> Iterator[tuple[int, int]]:
    name = case.subject.name
    if note.kind == "access" and note.body.copies_sha256:
        for span in note.body.spans:
            if span.stream == name:
                yield footage.split(first, last, span.from_us), footage.split_begin(first, last, span.to_us) - 1
    elif note.kind == "integrity_scan":
        gone: Claims[None] = Claims()
        for run in note.body.missing:
            for part in gone.free(run.first, run.last) if run.stream == name else ():
                gone.add(*part, None)
        # A scan that could not list all that it missed shows only what it found altered.
        for run in (*note.body.altered, *(() if note.body.truncated else note.body.ranges)):
            if run.stream == name:
                yield from gone.free(run.first, run.last)
