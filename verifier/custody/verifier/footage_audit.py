"""Holds files against the segments that a verified log speaks of (docs/spec/verification.md, `verify footage`).

No I/O here: facts and hashes come in, a state for every segment and every file comes out. The digest decides what a
file is; the recorded path says which of several equal files is whose. A file answers for one segment only, or one of two
identical recordings could be removed and nobody would miss it. A path is a name within its stream: what another stream
recorded under it is no answer for whose name it is.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from custody.verifier.finding import Finding, Findings, Severity
from custody.verifier.footage_fact import DisposalFact, SegmentFact
from custody.verifier.footage_files import HashedFile

LOG, THERE, UNALTERED, KNOWN, IN_TIME = range(1, 6)
"""Numbers of the checks of `verify footage`."""

MAX_AHEAD_US: Final = 86_400_000_000
"""How far after its own stamp a disposal may say that it deletes: it is announced shortly before, and the clock of a
recorder may be a time zone ahead. What is to be deleted later is not yet gone.
"""

MAX_LISTED: Final = 100_000
"""Findings of one code; a report lists every missing segment of a year of one camera."""


class FootageCounts(NamedTuple):
    """How many of each state; of segments, then of files that belong to no segment."""

    present: int
    moved: int
    altered: int
    missing: int
    disposed: int
    unreadable: int
    late: int
    unknown: int
    copies: int


class Disposed:
    """Which segments were disposed of; answers by search, however many disposals there are.

    A disposal covers what was told before it: nobody disposes of footage that is yet to be recorded.
    """

    def __init__(self, disposals: Iterable[DisposalFact]) -> None:
        self._steps: dict[str, list[tuple[int, int]]] = {}
        """By stream, ascending: from this number on, the index of the last disposal that names it."""
        by_stream: dict[str, list[DisposalFact]] = {}
        for fact in disposals:
            if fact.deleted_us - fact.sequenced_us <= MAX_AHEAD_US:
                by_stream.setdefault(fact.stream, []).append(fact)
        for stream, facts in by_stream.items():
            self._steps[stream] = _steps(facts)

    def covers(self, stream: str, number: int, index: int) -> bool:
        """Whether a disposal names the segment that entry `index` told of."""
        steps = self._steps.get(stream, [])
        at = bisect_right(steps, number, key=lambda step: step[0]) - 1
        return at >= 0 and index < steps[at][1]


def _steps(facts: Sequence[DisposalFact]) -> list[tuple[int, int]]:
    starts = sorted(facts, key=lambda fact: fact.first)
    steps: list[tuple[int, int]] = []
    open_: list[tuple[int, int]] = []  # a heap of (-index, last): the disposal that was told last on top
    begun = 0
    for number in sorted({number for fact in facts for number in (fact.first, fact.last + 1)}):
        while begun < len(starts) and starts[begun].first == number:
            heappush(open_, (-starts[begun].index, starts[begun].last))
            begun += 1
        while open_ and open_[0][1] < number:
            heappop(open_)
        steps.append((number, -open_[0][0] if open_ else 0))
    return steps


class FootageAudit:
    """Compares once; mutable while it does. `findings` and `counts()` hold the result."""

    def __init__(self, files: Mapping[str, HashedFile], disposed: Disposed, late_us: int) -> None:
        """`files` are the hashed files by path; a segment sequenced later than `late_us` after its end is late."""
        self.findings = Findings(limit=MAX_LISTED)
        self.unreadable = 0
        self._files = files
        self._disposed = disposed
        self._late_us = late_us
        self._by_digest: dict[bytes, list[str]] = {}
        for file in files.values():
            if not file.error:
                self._by_digest.setdefault(file.sha256, []).append(file.path)
        self._claimed: set[str] = set()
        """Paths of files that are some segment, altered or not."""
        self._states: dict[str, int] = {}

    def _count(self, state: str) -> None:
        self._states[state] = self._states.get(state, 0) + 1

    def compare(self, segments: Sequence[SegmentFact], others: Sequence[SegmentFact] = ()) -> None:
        """Decides on every segment of `segments`; call it once with all of them.

        `others` are not decided on, but a file that lies where one of them ought to is theirs.
        """
        # A recorder may use a name again; then only the last segment of that name can be expected there. No other stream
        # takes the name away: what it puts there stands under a name that is not its own.
        everyone = sorted({fact.index: fact for fact in (*others, *segments)}.values())
        owners = {(fact.stream, fact.path): fact for fact in everyone if fact.path}
        owned = {fact.index for fact in owners.values()}
        home = self._at_home(sorted(owners.values()))
        found = self._find_elsewhere([fact for fact in segments if fact.index not in home])
        for fact in segments:
            if fact.index in home:
                self._count("present")
            else:
                at = self._files.get(fact.path) if fact.index in owned else None
                self._decide(fact, at, found.get(fact.index))
            if fact.sequenced_us - fact.end_us > self._late_us:
                self._count("late")
                seconds = (fact.sequenced_us - fact.end_us) // 1_000_000
                self._find(fact, "segment-late", IN_TIME, f"was recorded {seconds} s after it ended")
        decided = {fact.index for fact in segments}
        self._claimed.update(fact.path for fact in owners.values() if fact.index not in decided)

    def _at_home(self, owners: Sequence[SegmentFact]) -> set[int]:
        """Those whose file lies in its own place; of two streams with one place and one digest, the one that told first."""
        home = set()
        for fact in owners:
            at = self._files.get(fact.path)
            if at is not None and not at.error and at.sha256 == fact.sha256 and fact.path not in self._claimed:
                self._claimed.add(fact.path)
                home.add(fact.index)
        return home

    def _find_elsewhere(self, lost: Sequence[SegmentFact]) -> dict[int, str]:
        """Unclaimed files by digest, one for each segment; those that were disposed of come last."""
        found: dict[int, str] = {}
        for fact in sorted(lost, key=self._is_disposed):
            for path in self._by_digest.get(fact.sha256, ()):
                if path not in self._claimed:
                    self._claimed.add(path)
                    found[fact.index] = path
                    break
        return found

    def _decide(self, fact: SegmentFact, at: HashedFile | None, elsewhere: str | None) -> None:
        """`at` is what lies in the segment's own place, unless a later segment of its stream owns that; `elsewhere` where
        it was found.
        """
        if at is not None and not at.error and at.sha256 == fact.sha256:
            at = None  # its very bytes, which answer for a twin of another stream
        if elsewhere is not None:
            self._count("moved" if fact.path else "present")
            if fact.path:
                # Found under another name is no loss; but with other footage under its own name it is a false label.
                severity = Severity.FINDING if at is not None else Severity.INFO
                code = "segment-swapped" if at is not None else "segment-moved"
                self._find(fact, code, UNALTERED, f"is now {elsewhere!r}", severity)
        elif at is not None:  # also of what was disposed of: then nothing lies under its name
            self._claimed.add(at.path)
            self._altered(fact, at)
        elif self._is_disposed(fact):
            self._count("disposed")
            self._find(fact, "segment-disposed", THERE, "was disposed of, says the log", Severity.INFO)
        else:
            self._count("missing")
            self._find(fact, "segment-missing", THERE, "is not there")

    def _is_disposed(self, fact: SegmentFact) -> bool:
        return self._disposed.covers(fact.stream, fact.number, fact.index)

    def _altered(self, fact: SegmentFact, at: HashedFile) -> None:
        if at.error:
            self._count("unreadable")
            self.unreadable += 1
            self._find(fact, "file-unreadable", UNALTERED, f"could not be read: {at.error}", Severity.INFO)
            return
        self._count("altered")
        size = "" if at.size_bytes == fact.size_bytes else f" (it has {at.size_bytes} bytes, not {fact.size_bytes})"
        self._find(fact, "segment-altered", UNALTERED, f"is not the file that was recorded{size}")

    def look_for_repeated(self, segments: Iterable[SegmentFact]) -> None:
        """Finds numbers that were told more than once: a number is one film, and no disposal makes room for another."""
        told: dict[tuple[str, int], int] = {}
        for fact in sorted(segments):
            first = told.setdefault((fact.stream, fact.number), fact.index)
            if first != fact.index:
                self._find(fact, "segment-altered", UNALTERED, f"was told before, by entry {first}")

    def _find(self, fact: SegmentFact, code: str, check: int, told: str, severity: Severity = Severity.FINDING) -> None:
        name = f" ({fact.path})" if fact.path else ""
        self.findings.add(
            Finding(
                code,
                check,
                f"{fact.stream} segment {fact.number}{name} {told}",
                severity,
                index=fact.index,
                chain=f"footage/{fact.stream}",
                path=fact.path or None,
            )
        )

    def look_for_unknown(self, wanted: Iterable[str], known: Mapping[bytes, str]) -> None:
        """Decides on every path of `wanted` that is no segment's; `known` names the stream of each recorded digest."""
        for path in wanted:
            file = self._files[path]
            if path in self._claimed:
                continue
            if file.error:
                self.unreadable += 1
                self._count("unreadable")
                message = f"the file {path!r} could not be read: {file.error}"
                self.findings.add(Finding("file-unreadable", KNOWN, message, Severity.INFO, path=path))
            elif file.sha256 in known:
                self._count("copies")
            else:
                self._count("unknown")
                self.findings.add(Finding("file-unknown", KNOWN, f"no entry names the file {path!r}", path=path))

    def counts(self) -> FootageCounts:
        """How many there were of each state."""
        return FootageCounts(*[self._states.get(state, 0) for state in FootageCounts._fields])
