"""Checks 5, 6 and what 8, 10 and 12 need of the entries: one pass, entry by entry, in bounded memory.

An entry is believed when it is in a slice whose last entry is proven: each names its predecessor's hash, so the proof of
the last one is a proof of all. Until the pass has ended nothing that was read is more than a claim; the findings say so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from custody.core.checkpoint import Checkpoint
from custody.core.entry import ReadEntry
from custody.core.errors import InclusionError
from custody.core.hashing import leaf_hash
from custody.core.proof import verify_inclusion
from custody.core.record import ReadRecord
from custody.verifier.entry_reading import read_entries
from custody.verifier.package.framing import read_frames
from custody.verifier.package.log_part import Inclusion, Slices
from custody.verifier.package.report import CHAINS, ENTRIES, PackageReport

_AT_ONCE: Final = 1_024


@dataclass(slots=True)
class SliceState:
    """How far a slice has been followed."""

    first: int
    last: int
    seq: int = 0
    leaf: bytes = b""
    proven: bool = False


@dataclass(slots=True)
class EntryPass:
    """Reads the entries once; `follow` yields each with its record for the checks of the content."""

    report: PackageReport
    checkpoint: Checkpoint
    slices: Slices
    inclusion: Inclusion
    states: dict[str, SliceState] = field(default_factory=dict)
    _stamp_us: int = 0

    def __post_init__(self) -> None:
        self.states = {one.chain: SliceState(one.first, one.last) for one in self.slices.slices}

    def follow(self, file: BinaryIO, indexes: Sequence[int]) -> Iterator[tuple[int, bytes, ReadEntry, ReadRecord]]:
        """(leaf index, leaf hash, entry, record) of every entry that could be read, in the order of the log."""
        at = 0
        for raws in _batched(read_frames(file), _AT_ONCE):
            if at + len(raws) > len(indexes):
                self.report.find(ENTRIES, "package-log-part", "there are more entries than indexes")
                return
            read = read_entries(raws)
            for place, error in read.faulty:
                self.report.caught(ENTRIES, error, index=indexes[at + place])
            for place, entry, record in zip(read.at, read.entries, read.records, strict=True):
                index, leaf = indexes[at + place], leaf_hash(raws[place])
                self._take(index, leaf, entry, record)
                yield index, leaf, entry, record
            at += len(raws)
        self.report.entries = at
        if at != len(indexes):
            self.report.find(ENTRIES, "package-log-part", f"{len(indexes)} indexes, but {at} entries")

    def _take(self, index: int, leaf: bytes, entry: ReadEntry, record: ReadRecord) -> None:
        if tuple([link.chain for link in entry.links]) != record.chains:
            self.report.find(
                CHAINS, "chains-differ", "an entry is filed under other chains than its record's", index=index
            )
        if entry.sequenced_at_us < self._stamp_us:
            # The place of an entry inside a slice is not proven by itself; its order in time is what can be held against it.
            self.report.find(
                CHAINS, "time-decreases", "an entry was sequenced before one with a lower index", index=index
            )
        self._stamp_us = entry.sequenced_at_us
        proven = self._prove(index, leaf)
        known = False
        for chain, seq, prev in entry.links:
            state = self.states.get(chain)
            if state is None or not state.first <= seq <= state.last:
                continue
            known = True
            if seq != (state.seq + 1 if state.seq else state.first) or (state.seq and prev != state.leaf):
                self.report.find(
                    CHAINS, "chain-broken", f"{chain}: entry {seq} does not follow {state.seq}", index=index
                )
            state.seq, state.leaf, state.proven = seq, leaf, proven
        if not known:
            self.report.find(CHAINS, "entry-stray", "an entry belongs to no slice of the package", index=index)

    def _prove(self, index: int, leaf: bytes) -> bool:
        hashes = self.inclusion.proofs.get(index)
        if hashes is None:
            return False
        try:
            verify_inclusion(leaf, index, self.checkpoint.size, hashes, self.checkpoint.root)
        except InclusionError as error:
            self.report.caught(CHAINS, error, index=index)
            return False
        return True

    def end(self) -> None:
        """Every slice reached its end, and its end is proven."""
        for chain, state in self.states.items():
            if state.seq != state.last:
                self.report.find(CHAINS, "slice-incomplete", f"{chain} ends at {state.seq}, not at {state.last}")
            elif not state.proven:
                self.report.find(CHAINS, "slice-unproven", f"{chain}: its last entry is not proven to be in the log")
        self.report.done |= {ENTRIES, CHAINS}


def _batched(items: Iterator[bytes], count: int) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    for item in items:
        group.append(item)
        if len(group) == count:
            yield group
            group = []
    if group:
        yield group
