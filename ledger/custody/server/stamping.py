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
from custody.core.wire import varint
from custody.server.batch import Admitted, NewRun
from custody.server.store.protocol import ChainRun, Commit, EntryRun, LogHead, Submission


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


class _OpenRun:
    """A chain in this round: its head, and the run of neighbours that its last entry ends."""

    __slots__ = ("count", "first_index", "first_seq", "from_us", "leads", "leaf", "name", "seq", "to_us")

    def __init__(self, name: str, head: Head) -> None:
        self.name = name
        self.seq = head.seq
        self.leaf = head.leaf
        self.leads = _leads(name)
        self.first_seq = self.first_index = self.count = self.from_us = self.to_us = 0

    def link(self) -> bytes:
        """The next entry's link to this chain (`core.entry.encode_link`), by constant parts and a number."""
        seq = self.seq + 1
        number = varint(seq)
        leaf = self.leaf
        if leaf:
            return self.leads[len(number)] + number + _PREV + leaf
        return encode_link(link_prefix(self.name), seq, leaf)

    def move(self, index: int, leaf: bytes, period_us: tuple[int, int]) -> ChainRun | None:
        """Takes an entry as the new head; returns the run before it when that has ended."""
        self.seq += 1
        self.leaf = leaf
        from_us, to_us = period_us
        count = self.count
        if count and self.first_index + count == index:
            self.count = count + 1
            if from_us < self.from_us:
                self.from_us = from_us
            if to_us > self.to_us:
                self.to_us = to_us
            return None
        ended = self.ended() if count else None
        self.first_seq, self.first_index, self.count = self.seq, index, 1
        self.from_us, self.to_us = from_us, to_us
        return ended

    def ended(self) -> ChainRun:
        """The run as the store takes it."""
        return ChainRun(self.name, self.first_seq, self.first_index, self.count, self.from_us, self.to_us)


_PREV = b"\x1a\x20"
"""Tag and length of `Link.prev`."""


@lru_cache(maxsize=32_768)
def _leads(chain: str) -> tuple[bytes, ...]:
    """What stands before the number in a link to `chain`, by the length of the number (1 to 9 bytes)."""
    prefix = link_prefix(chain)
    return (b"", *(b"\x2a" + varint(len(prefix) + size + len(_PREV) + 32) + prefix for size in range(1, 10)))


class Stamper:
    """Stamps one round, batch after batch; made for a round and thrown away."""

    def __init__(self, memory: LogMemory, now_us: int) -> None:
        """`now_us` must not lie before the last stamp; ValueError otherwise."""
        if now_us < memory.sequenced_us:
            raise ValueError("the time of a stamp must never decrease")
        self._memory = memory
        self._now_us = now_us
        self._first = memory.head.size
        self._chains: dict[str, _OpenRun] = {}
        self._entries: list[bytes] = []
        self._leaves: list[bytes] = []
        self._record_ids: list[bytes] = []
        self._digests: list[tuple[bytes, int]] = []
        self._chain_runs: list[ChainRun] = []
        self._submissions: list[Submission] = []
        self._runs: list[NewRun] = []

    @property
    def next_index(self) -> int:
        """Leaf index that the next record will have."""
        return self._first + len(self._entries)

    def heads(self) -> dict[str, Head]:
        """Where every chain ends before the next record."""
        return {**self._memory.heads, **self._moved()}

    def _moved(self) -> dict[str, Head]:
        return {name: Head(run.seq, run.leaf) for name, run in self._chains.items()}

    def add(self, submitter: str, items: Sequence[Admitted], positions: Sequence[int] = ()) -> None:
        """Stamps the records of one batch, neighbours in the log.

        `positions` are their positions in the batch, when they are not all of it.
        """
        first = self.next_index
        prefix = stamp_prefix(submitter, self._now_us)
        stamps: list[bytes] = []
        stamped, entered, hashed = stamps.append, self._entries.append, self._leaves.append
        chains, settled, ended = self._chains, self._memory.heads, self._chain_runs
        for index, (record, sealed) in enumerate(items, first):
            runs = []
            stamp = prefix
            for name in record.chains:
                run = chains.get(name)
                if run is None:
                    run = chains[name] = _OpenRun(name, settled.get(name, START))
                stamp += run.link()
                runs.append(run)
            entry = sealed + stamp
            leaf = sha256(b"\x00" + entry).digest()
            for run in runs:
                done = run.move(index, leaf, record.period_us)
                if done is not None:
                    ended.append(done)
            stamped(stamp)
            entered(entry)
            hashed(leaf)
            for digest in record.digests:
                self._digests.append((digest[:8], index))
        self._record_ids.extend([item[0].record_id for item in items])
        self._submissions.append(Submission(submitter, first, len(items)))
        self._runs.append(NewRun(first, stamps, positions))

    def finish(self) -> Stamped:
        """Grows the tree and gathers what the commit writes. At least one record must have been added."""
        memory = self._memory
        extension = extend(memory.frontier, self._leaves)
        tiles = extend_tiles(memory.edge, extension)
        chain_runs = [*self._chain_runs, *(run.ended() for run in self._chains.values())]
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
            heads=self._moved(),
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
