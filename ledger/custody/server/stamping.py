"""Stamping: turns admitted records into entries, leaves and everything that one commit writes.

Pure computation over bytes; no clock and no I/O. It is the hot path of the ledger: per record one concatenation, one
leaf hash and one dictionary look-up for each chain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from custody.core.chain import START, Head
from custody.core.entry import encode_link, link_prefix, stamp_prefix
from custody.core.tile import TILE_WIDTH, extend_tiles, next_edge
from custody.core.tree import Extension, Frontier, extend
from custody.server.batch import Admitted, NewRun
from custody.server.store.protocol import ChainRun, Commit, EntryRun, LogHead, Submission

_link_prefix = lru_cache(maxsize=32_768)(link_prefix)


@dataclass(slots=True)
class LogMemory:
    """What the writer of a log keeps in memory; every field is a function of the entries. One owner."""

    head: LogHead
    frontier: Frontier
    edge: Mapping[tuple[int, int], bytes]
    """Partial tiles of the right edge."""
    heads: dict[str, Head]
    sequenced_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A round that is ready to be committed."""

    commit: Commit
    runs: tuple[NewRun, ...]
    """One for each batch, in order."""
    extension: Extension
    edge: Mapping[tuple[int, int], bytes]
    heads: Mapping[str, Head]
    """Only the heads that moved."""


class Stamper:
    """Stamps one round after the other batch; made for a round and thrown away."""

    def __init__(self, memory: LogMemory, now_us: int) -> None:
        """`now_us` must not lie before the last stamp; ValueError otherwise."""
        if now_us < memory.sequenced_us:
            raise ValueError("the time of a stamp must never decrease")
        self._memory = memory
        self._now_us = now_us
        self._first = memory.head.size
        self._moved: dict[str, Head] = {}
        self._entries: list[bytes] = []
        self._leaves: list[bytes] = []
        self._record_ids: list[bytes] = []
        self._digests: list[tuple[bytes, int]] = []
        self._chain_runs: list[ChainRun] = []
        self._open_runs: dict[str, list[int]] = {}
        self._submissions: list[Submission] = []
        self._runs: list[NewRun] = []

    @property
    def next_index(self) -> int:
        """Leaf index that the next record will have."""
        return self._first + len(self._entries)

    def heads(self) -> dict[str, Head]:
        """Where every chain ends before the next record."""
        return {**self._memory.heads, **self._moved}

    def add(self, submitter: str, items: Sequence[Admitted], positions: Sequence[int] = ()) -> None:
        """Stamps the records of one batch, neighbours in the log.

        `positions` are their positions in the batch, when they are not all of it.
        """
        first = self.next_index
        prefix = stamp_prefix(submitter, self._now_us)
        stamps = [self._stamp(prefix, item, index) for index, item in enumerate(items, first)]
        self._submissions.append(Submission(submitter, first, len(items)))
        self._runs.append(NewRun(first, stamps, positions))

    def _stamp(self, prefix: bytes, item: Admitted, index: int) -> bytes:
        record, sealed = item
        moved, settled = self._moved, self._memory.heads
        stamp = prefix
        places = []
        for chain in record.chains:
            head = moved.get(chain) or settled.get(chain, START)
            seq = head.seq + 1
            stamp += encode_link(_link_prefix(chain), seq, head.leaf)
            places.append((chain, seq))
        entry = sealed + stamp
        leaf = sha256(b"\x00" + entry).digest()
        for chain, seq in places:
            moved[chain] = Head(seq, leaf)
            self._extend_run(chain, seq, index, record.period_us)
        self._entries.append(entry)
        self._leaves.append(leaf)
        self._record_ids.append(record.record_id)
        for digest in record.digests:
            self._digests.append((digest[:8], index))
        return stamp

    def _extend_run(self, chain: str, seq: int, index: int, period_us: tuple[int, int]) -> None:
        from_us, to_us = period_us
        run = self._open_runs.get(chain)
        if run is not None and run[1] + run[2] == index:
            run[2] += 1
            run[3] = min(run[3], from_us)
            run[4] = max(run[4], to_us)
            return
        if run is not None:
            self._chain_runs.append(ChainRun(chain, *run))
        self._open_runs[chain] = [seq, index, 1, from_us, to_us]

    def finish(self) -> Stamped:
        """Grows the tree and gathers what the commit writes. At least one record must have been added."""
        memory = self._memory
        extension = extend(memory.frontier, self._leaves)
        tiles = extend_tiles(memory.edge, extension)
        chain_runs = [*self._chain_runs, *(ChainRun(chain, *run) for chain, run in self._open_runs.items())]
        commit = Commit(
            old=memory.head,
            size=self.next_index,
            root=extension.root,
            sequenced_us=self._now_us,
            entries=_entry_runs(self._first, self._entries),
            tiles=tiles,
            record_ids=self._record_ids,
            chain_runs=chain_runs,
            digests=self._digests,
            submissions=self._submissions,
        )
        return Stamped(
            commit=commit,
            runs=tuple(self._runs),
            extension=extension,
            edge=next_edge(memory.edge, extension, tiles),
            heads=self._moved,
        )


def _entry_runs(first: int, entries: Sequence[bytes]) -> list[EntryRun]:
    """Cuts new entries at multiples of 256 and frames them like a C2SP entry bundle."""
    runs = []
    at = 0
    while at < len(entries):
        index = first + at
        part = entries[at : at + TILE_WIDTH - index % TILE_WIDTH]
        data = b"".join([len(entry).to_bytes(2, "big") + entry for entry in part])
        runs.append(EntryRun(index, len(part), data))
        at += len(part)
    return runs


def settle(memory: LogMemory, stamped: Stamped) -> None:
    """Moves the memory on, after the commit is durable and not before."""
    commit = stamped.commit
    memory.head = LogHead(commit.size, commit.root, commit.old.epoch)
    memory.frontier = stamped.extension.frontier
    memory.edge = stamped.edge
    memory.heads.update(stamped.heads)
    memory.sequenced_us = commit.sequenced_us
