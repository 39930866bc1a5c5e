"""Disposal: what was deleted, when, whether it was lawful, and what is kept too long.

A disposal is judged at the moment of deletion, and until then nothing is gone. A deletion before the footage ended is false
and judged at its stamp. Of several that name one segment the first
deletion counts, whenever it was told. A disposal ordered by
an authority (with the order's hash) may be early, but nothing may be deleted under a hold. Where a disposal was only
observed, deleted_us is the latest moment that it can have been, so an early one is early beyond doubt.

Whether a hold bound the footage is another question, for there an earlier moment is the better lie: a deletion that was
told afterwards can have been at any moment up to its stamp. It is believed where the ledger knew before that it would come
(`Disposals._latest`).
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from custody.rules.case import Case
from custody.rules.finding import Finding, Verdict
from custody.rules.footage import DAY_US, IN_TIME_US
from custody.rules.holds import Hold, holds
from custody.rules.ranges import Claims
from custody.rules.retention import Due, days, due, moments, policies
from custody.rules.rule import Rule
from custody.rules.sightings import seen_after
from custody.rules.state import Note
from custody.v1 import record_pb2

OVERDUE_US: Final = 2 * DAY_US
"""How long after its time was over footage may go and still count as deleted by the recorder's setting."""


class Piece(NamedTuple):
    """Numbers `first` to `last` of one run were disposed of at `deleted_us`; `rules` are those that it breaks."""

    first: int
    last: int
    deleted_us: int
    verdict: Verdict
    rules: tuple[Rule, ...]
    minimum_us: int
    hold: Hold | None
    note: Note


class Deletion(NamedTuple):
    """A piece of one run that a disposal names, gone at `deleted_us`; as far as holds go, at `latest_us` at the latest."""

    first: int
    last: int
    deleted_us: int
    latest_us: int
    note: Note


def _deleted(note: Note) -> int:
    """The moment of deletion that a disposal tells of."""
    return int(note.body.deleted_us or note.at_us)


class Disposals:
    """All disposals of the case's stream, judged."""

    def __init__(self, case: Case) -> None:
        assert case.stream is not None
        self.case = case
        self.footage = case.stream.footage
        self.name = case.stream.name
        self.policies = policies(case)
        self.moments = moments(case, self.policies)
        self.holds = holds(self.name, case.stream.notes)
        self.claims: Claims[Piece] = Claims()
        self.unfounded: list[tuple[int, int, Note]] = []
        self.unannounced: list[tuple[int, int, Note]] = []
        for deletion in sorted(self._deletions(), key=lambda one: one.deleted_us):
            self._take(deletion)

    def _deletions(self) -> Iterator[Deletion]:
        for note in self.case.notes:
            if note.kind != "disposal" or _deleted(note) > self.case.at_us:
                continue
            for run in note.body.ranges:
                if run.stream != self.name:
                    continue
                here = run.first
                for low, high in self.footage.pieces(run.first, run.last):
                    if here < low:
                        self.unfounded.append((here, low - 1, note))
                    here = high + 1
                    yield from self._dated(note, low, high)
                if here <= run.last:
                    self.unfounded.append((here, run.last, note))

    def _dated(self, note: Note, first: int, last: int) -> Iterator[Deletion]:
        deleted_us = _deleted(note)
        told_us = max(deleted_us, note.sequenced_us)
        after = self.footage.split(first, last, deleted_us)
        if first < after:
            for low, high, latest_us in self._latest(note, first, after - 1, deleted_us, told_us):
                yield Deletion(low, high, deleted_us, latest_us, note)
        if after <= last and told_us <= self.case.at_us:
            yield Deletion(after, last, told_us, told_us, note)

    def _latest(
        self, note: Note, first: int, last: int, deleted_us: int, told_us: int
    ) -> Iterator[tuple[int, int, int]]:
        """Parts of a piece, each with the latest moment at which it can have been deleted for all that the ledger shows.

        A source that was away tells honestly late. It is believed when it tells within a day, the recorder was known to
        delete footage of that age, and nothing shows the footage afterwards: then nobody gains by the hold's being late.
        """
        between = any(
            hold.binds(note, deleted_us, told_us) and not hold.binds(note, deleted_us, deleted_us)
            for hold in self.holds
        )  # fmt: skip
        kept_us = self._kept(deleted_us) if between and told_us - deleted_us <= IN_TIME_US else 0
        if not kept_us:  # the ordinary case: no hold came between, so it makes no difference
            yield first, last, told_us
            return
        # By its begin, for that is in the file's name, by which recorders delete. What had been due for long was evidently
        # not deleted by that setting.
        due = self.footage.split_begin(first, last, deleted_us - kept_us - OVERDUE_US)
        if first < due:
            yield first, due - 1, told_us
        first = due
        after = self.footage.split_begin(first, last, deleted_us - kept_us + 1) if first <= last else first
        if first < after:
            seen = seen_after(self.case, self.footage, (first, after - 1), deleted_us)
            parts = [(low, high, deleted_us) for low, high in seen.free(first, after - 1)]
            yield from sorted([*parts, *((low, high, told_us) for low, high, _ in seen)])
        if after <= last:
            yield after, last, told_us

    def _kept(self, at_us: int) -> int:
        """How long the recorder keeps footage, as the ledger knew it at a moment; 0 when it did not."""
        known = [
            note for note in self.case.notes if note.kind == "recorder_configuration" and note.frees_us <= at_us
        ]  # fmt: skip
        return int(known[-1].body.retention_us) if known else 0

    def _take(self, deletion: Deletion) -> None:
        observed = deletion.note.body.knowledge == record_pb2.DISPOSAL_KNOWLEDGE_OBSERVED
        for free, end in self.claims.free(deletion.first, deletion.last):
            if observed:
                self.unannounced.append((free, end, deletion.note))
            for piece in self._judge(deletion._replace(first=free, last=end)):
                self.claims.add(piece.first, piece.last, piece)

    def _judge(self, deletion: Deletion) -> Iterator[Piece]:
        note, deleted_us = deletion.note, deletion.deleted_us
        for low, high, rule in self.uniform(deletion.first, deletion.last, deleted_us):
            kept = high + 1 if self._ordered(note) else self.footage.split(low, high, deleted_us - rule.minimum_us)
            if low < kept:
                yield from self._pieces(deletion._replace(first=low, last=kept - 1), Verdict.DISPOSED_LAWFULLY, rule)
            if kept <= high:
                yield from self._pieces(deletion._replace(first=kept, last=high), Verdict.DISPOSED_EARLY, rule)

    def _pieces(self, deletion: Deletion, verdict: Verdict, rule: Due) -> Iterator[Piece]:
        first, last, deleted_us, latest_us, note = deletion
        begin_us, end_us = self.footage.times(first, last)
        rules = rule.broken(deleted_us - end_us) if verdict is Verdict.DISPOSED_EARLY else ()
        hit = [
            hold for hold in self.holds if hold.binds(note, deleted_us, latest_us) and hold.touches(begin_us, end_us)
        ]
        cuts = {first, last + 1}
        for hold in hit:
            cuts.add(self.footage.split(first, last, hold.from_us))
            cuts.add(self.footage.split_begin(first, last, hold.to_us))
        steps = sorted(cuts)
        for low, after in pairwise(steps):
            held = next((hold for hold in hit if hold.touches(*self.footage.times(low, low))), None)
            how = verdict if held is None else Verdict.DISPOSED_EARLY
            yield Piece(low, after - 1, deleted_us, how, rules, rule.minimum_us, held, note)

    @staticmethod
    def _ordered(note: Note) -> bool:
        return note.body.kind == record_pb2.DISPOSAL_KIND_ORDERED and bool(note.body.order.document_sha256)

    def uniform(self, first: int, last: int, until_us: int) -> list[tuple[int, int, Due]]:
        """Parts of a piece of one run for which the same is due, as known at `until_us`."""
        begins = self.footage.begins(first, last)
        cuts = {first, last + 1} | {
            self.footage.split_begin(first, last, at_us) for at_us in self.moments if begins[0] < at_us <= begins[1]
        }
        parts: list[tuple[int, int, Due]] = []
        for low, after in pairwise(sorted(cuts)):
            rule = due(self.case, self.policies, self.footage.times(low, low)[0], until_us)
            if parts and parts[-1][2].same(rule):
                parts[-1] = (parts[-1][0], after - 1, rule)
            else:
                parts.append((low, after - 1, rule))
        return parts

    @cached_property
    def overdue(self) -> list[tuple[int, int, int]]:
        """(first, last, maximum_us) of segments that are not disposed of and beyond the promised maximum."""
        maxima = [policy.maximum_us for policy in self.policies if policy.maximum_us]
        if not maxima:
            return []
        found: list[tuple[int, int, int]] = []
        now_us = self.case.at_us
        oldest_us = now_us - min(maxima)
        active = [hold for hold in self.holds if hold.active(now_us)]
        for run_first, run_last, _, _, _ in self.footage.ordered_runs():
            for first, last in self.claims.free(run_first, run_last):
                if self.footage.times(first, first)[1] >= oldest_us:
                    continue  # younger than any promise: the ordinary case
                for low, high, rule in self.uniform(first, last, now_us):
                    grace_us = min((r.parameters["grace_days"] for r in self._maxima()), default=0) * DAY_US
                    after = self.footage.split(low, high, now_us - rule.maximum_us - grace_us - 1)
                    if rule.maximum_us and after > low:
                        found.extend((*part, rule.maximum_us) for part in self._without(active, low, after - 1))
        return found

    def _maxima(self) -> tuple[Rule, ...]:
        return self.case.rules("over-retained", self.case.at_us)

    def _without(self, active: list[Hold], first: int, last: int) -> list[tuple[int, int]]:
        held: Claims[None] = Claims()
        for hold in active:
            low = self.footage.split(first, last, hold.from_us)
            high = self.footage.split_begin(first, last, hold.to_us) - 1
            for part in held.free(low, high):
                held.add(*part, None)
        return held.free(first, last)


_ITS_WORD: Final = (
    ": they were told gone after it was placed, and that they went before rests on the source's word alone",
    "：保全后方登记其已不存在，所称处置早于保全仅凭来源方自述",
)


def check_disposals(case: Case, disposals: Disposals) -> Iterator[Finding]:
    """Early, under a hold, never announced, or of footage that never was."""
    for _, _, piece in disposals.claims:
        period = disposals.footage.times(piece.first, piece.last)
        numbers = (piece.first, piece.last)
        if piece.hold is not None:
            rules = case.rules("disposed-under-hold", piece.deleted_us)
            shown = [piece.note, piece.hold.note]
            english, chinese = _ITS_WORD if _deleted(piece.note) < piece.hold.placed_us else ("", "")
            yield from case.find(
                "disposed-under-hold", rules, period, notes=shown, numbers=numbers,
                zh={"what": chinese}, words={"hold": piece.hold.id, "what": english},
            )  # fmt: skip
        if piece.rules:
            kept_us = max(piece.deleted_us - period[1], 0)
            words = {"kept": days(kept_us), "minimum": days(piece.minimum_us)}
            yield from case.find(
                "disposed-early", piece.rules, period, notes=[piece.note], numbers=numbers, words=words,
            )  # fmt: skip
    for first, last, note in disposals.unannounced:
        period = disposals.footage.times(first, last)
        rules = case.rules("disposal-unannounced", note.sequenced_us)
        yield from case.find("disposal-unannounced", rules, period, notes=[note], numbers=(first, last))
    for first, last, note in disposals.unfounded:
        rules = case.rules("disposal-unfounded", note.sequenced_us)
        yield from case.find("disposal-unfounded", rules, (note.at_us, note.at_us), notes=[note], numbers=(first, last))
