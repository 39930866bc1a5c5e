"""Disposal: what was deleted, when, whether it was lawful, and what is kept too long.

A disposal is judged at the moment of deletion, and until then nothing is gone. Of several that name one segment the first
deletion counts, whenever it was told. A disposal ordered by
an authority (with the order's hash) may be early, but nothing may be deleted under a hold. Where a disposal was only
observed, deleted_us is the latest moment that it can have been, so an early one is early beyond doubt.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from custody.rules.case import Case
from custody.rules.finding import Finding, Verdict
from custody.rules.footage import DAY_US
from custody.rules.holds import Hold, holds
from custody.rules.ranges import Claims
from custody.rules.retention import Due, days, due, moments, policies
from custody.rules.rule import Rule
from custody.rules.state import Note
from custody.v1 import record_pb2


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
        told = [note for note in case.stream.notes if note.kind == "disposal" and _deleted(note) <= case.at_us]
        for note in sorted(told, key=_deleted):
            for run in note.body.ranges:
                if run.stream == self.name:
                    self._take(note, run.first, run.last)

    def _take(self, note: Note, first: int, last: int) -> None:
        deleted_us = _deleted(note)
        observed = note.body.knowledge == record_pb2.DISPOSAL_KNOWLEDGE_OBSERVED
        known = self.footage.pieces(first, last)
        here = first
        for low, high in known:
            if here < low:
                self.unfounded.append((here, low - 1, note))
            here = high + 1
            for free, end in self.claims.free(low, high):
                if observed:
                    self.unannounced.append((free, end, note))
                for piece in self._judge(note, free, end, deleted_us):
                    self.claims.add(piece.first, piece.last, piece)
        if here <= last:
            self.unfounded.append((here, last, note))

    def _judge(self, note: Note, first: int, last: int, deleted_us: int) -> Iterator[Piece]:
        for low, high, rule in self.uniform(first, last, deleted_us):
            kept = high + 1 if self._ordered(note) else self.footage.split(low, high, deleted_us - rule.minimum_us)
            if low < kept:
                yield from self._piece(note, low, kept - 1, deleted_us, Verdict.DISPOSED_LAWFULLY, rule)
            if kept <= high:
                yield from self._piece(note, kept, high, deleted_us, Verdict.DISPOSED_EARLY, rule)

    def _piece(
        self, note: Note, first: int, last: int, deleted_us: int, verdict: Verdict, rule: Due
    ) -> Iterator[Piece]:
        begin_us, end_us = self.footage.times(first, last)
        rules = rule.broken(deleted_us - end_us) if verdict is Verdict.DISPOSED_EARLY else ()
        hit = [hold for hold in self.holds if hold.binds(note, deleted_us) and hold.touches(begin_us, end_us)]
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


def check_disposals(case: Case, disposals: Disposals) -> Iterator[Finding]:
    """Early, under a hold, never announced, or of footage that never was."""
    for _, _, piece in disposals.claims:
        period = disposals.footage.times(piece.first, piece.last)
        numbers = (piece.first, piece.last)
        if piece.hold is not None:
            rules = case.rules("disposed-under-hold", piece.deleted_us)
            shown = [piece.note, piece.hold.note]
            yield from case.find(
                "disposed-under-hold", rules, period, notes=shown, numbers=numbers, words={"hold": piece.hold.id}
            )
        if piece.rules:
            kept_us = max(piece.deleted_us - period[1], 0)
            words = {"kept": days(kept_us), "minimum": days(piece.minimum_us)}
            yield from case.find(
                "disposed-early", piece.rules, period, notes=[piece.note], numbers=numbers, words=words,
            )  # fmt: skip
    for first, last, note in disposals.unannounced:
        period = disposals.footage.times(first, last)
        rules = case.rules("disposal-unannounced", note.at_us)
        yield from case.find("disposal-unannounced", rules, period, notes=[note], numbers=(first, last))
    for first, last, note in disposals.unfounded:
        rules = case.rules("disposal-unfounded", note.at_us)
        yield from case.find("disposal-unfounded", rules, (note.at_us, note.at_us), notes=[note], numbers=(first, last))
