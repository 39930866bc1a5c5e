"""What the sources' own integrity scans said of the files: it stands in the log and counts where nobody looked now.

What was altered stays altered: bytes do not become what they were. What was missing is there again when a later scan of the
same party read it; nobody else's word undoes it. A scan that could not list all that it found, or that read fewer files
than it names, says nothing of the numbers that it does not list. That a file was fine at a scan does not mean that it is
fine today: only altered and missing carry over.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from custody.rules.case import Case
from custody.rules.observation import Status
from custody.rules.ranges import Claims
from custody.rules.state import Note
from custody.v1 import record_pb2


class Scanned(NamedTuple):
    """What a scan found wrong with a run of numbers: altered or missing."""

    status: Status
    note: Note


def scans(case: Case) -> Claims[Scanned]:
    """What the scans of the case's stream found wrong, number by number."""
    every = [note for note in case.notes if note.kind == "integrity_scan"]
    claims: Claims[Scanned] = Claims()
    for note in every:
        for part in _free(case, claims, note.body.altered):
            claims.add(*part, Scanned(Status.ALTERED, note))
    later: dict[str, Claims[None]] = {}
    for note in reversed(every):
        told = later.setdefault(note.submitter, Claims())
        for part in _free(case, told, note.body.missing):
            told.add(*part, None)
            for first, last in claims.free(*part):
                claims.add(first, last, Scanned(Status.MISSING, note))
        for part in _free(case, told, note.body.ranges if _read_all(note) else ()):
            told.add(*part, None)
    return claims


def _free(
    case: Case, claims: Claims[Scanned] | Claims[None], ranges: Iterable[record_pb2.SegmentRange]
) -> Iterator[tuple[int, int]]:
    """Parts of the ranges of the case's stream that nobody claimed so far."""
    for run in ranges:
        if run.stream == case.subject.name:
            yield from claims.free(run.first, run.last)


def _read_all(note: Note) -> bool:
    """True when a scan can have read every file that it names and does not call missing."""
    body = note.body
    named, missing = (sum(run.last - run.first + 1 for run in ranges) for ranges in (body.ranges, body.missing))
    return not body.truncated and bool(body.files + missing >= named)
