"""What the sources' own integrity scans said of the files: it stands in the log and counts where nobody looked now.

The last scan of a number counts. A scan that could not list all that it found says nothing of the numbers that it does
not list. That a file was fine at a scan does not mean that it is fine today: only altered and missing carry over.
"""

from typing import NamedTuple

from custody.rules.case import Case
from custody.rules.observation import Status
from custody.rules.ranges import Claims
from custody.rules.state import Note


class Scanned(NamedTuple):
    """Status of a run of numbers at a scan."""

    status: Status
    note: Note


def scans(case: Case) -> Claims[Scanned]:
    """What the scans of the case's stream say, number by number."""
    claims: Claims[Scanned] = Claims()
    for note in reversed(case.notes):
        if note.kind != "integrity_scan":
            continue
        for ranges, status in (
            (note.body.altered, Status.ALTERED),
            (note.body.missing, Status.MISSING),
            (() if note.body.truncated else note.body.ranges, Status.PRESENT),
        ):
            for run in ranges:
                if run.stream == case.subject.name:
                    for first, last in claims.free(run.first, run.last):
                        claims.add(first, last, Scanned(status, note))
    return claims
