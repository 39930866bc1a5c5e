"""What a log asks of its storage.

Obligations that hold for every implementation:

- `commit` and `publish` are durable when they return; a crash at any instant leaves either all of a call or nothing.
- One writer: `commit` and `publish` compare the log's head (size, root, epoch) and change nothing when it is another
  (`HeadMoved`). Whoever was paused or cut off therefore writes nothing.
- Reads see only whole commits. They may run beside the writer and beside each other.
- The bytes that were given are the bytes that come back.
- Failures are of two families. `StoreUnavailable`: nothing was written, the same call may be repeated.
  `OutcomeUnknown`: it may or may not have been written; the caller must stop, reload and look.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from custody.core.chain import Head
from custody.core.errors import CustodyError


class StoreError(CustodyError):
    """Storage failed."""

    code = "store-failed"


class StoreUnavailable(StoreError):
    """Nothing was written; trying again is safe."""

    code = "store-unavailable"


class OutcomeUnknown(StoreError):
    """The call may have been durable or not; only a reload tells."""

    code = "store-outcome-unknown"


class HeadMoved(StoreError):
    """Another writer has moved the log on, or owns it now; nothing was written."""

    code = "store-head-moved"


class RecordExists(StoreError):
    """A record id of the commit is already in the log; nothing was written."""

    code = "record-exists"


class StoreDamaged(StoreError):
    """What is stored contradicts itself."""

    code = "store-damaged"


class LogUnknown(StoreError):
    """There is no log of this origin here."""

    code = "log-unknown"


class LogExists(StoreError):
    """There is a log of this origin already."""

    code = "log-exists"


class LogHead(NamedTuple):
    """The row that is compared and swapped."""

    size: int
    root: bytes
    """32 bytes."""
    epoch: int


class LogState(NamedTuple):
    """Where a log stands."""

    origin: str
    vkeys: tuple[str, ...]
    head: LogHead
    sequenced_us: int
    """Stamp of the last entry; 0 before the first."""
    published: int
    """Size of the last published checkpoint."""
    checkpoint: bytes
    """The last published checkpoint; empty before the first."""


class EntryRun(NamedTuple):
    """Entries in bundle framing, none of whose neighbours lies across a multiple of 256."""

    first_index: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls
    data: bytes


class ChainRun(NamedTuple):
    """Neighbouring numbers of one chain at neighbouring leaf indexes, and the smallest period that holds them."""

    chain: str
    first_seq: int
    first_index: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls
    from_us: int
    to_us: int


class Submission(NamedTuple):
    """Neighbouring entries of one submitter."""

    submitter: str
    first_index: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls


class Commit(NamedTuple):
    """Everything that one sequencing writes."""

    old: LogHead
    size: int
    root: bytes
    sequenced_us: int
    entries: Sequence[EntryRun]
    tiles: Mapping[tuple[int, int], bytes]
    """Full new content of every tile that changes, by (level, index)."""
    record_ids: Sequence[bytes]
    """16 bytes each, by position from old.size."""
    chain_runs: Sequence[ChainRun]
    digests: Sequence[tuple[bytes, int]]
    """First 8 bytes of a file's SHA-256, and the leaf index."""
    submissions: Sequence[Submission]


class Placed(NamedTuple):
    """An entry at its place."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    entry: bytes


class LogStore(Protocol):
    """One log in its storage. Every method may raise StoreUnavailable; writes also OutcomeUnknown and HeadMoved."""

    async def state(self) -> LogState:
        """Where the log stands now."""
        ...

    async def fence(self, head: LogHead) -> LogHead:
        """Takes the log over: raises its epoch by one if the head is still `head`; returns the new head."""
        ...

    async def commit(self, commit: Commit) -> None:
        """Writes one batch, its index and the new unsigned head in one transaction, by compare-and-swap on `old`.

        Raises RecordExists when a record id is already there.
        """
        ...

    async def publish(self, head: LogHead, size: int, note: bytes) -> None:
        """Stores a signed checkpoint and moves `published` to `size`. Repeating it with the same note is allowed."""
        ...

    async def checkpoint(self, size: int) -> bytes | None:
        """The published checkpoint of exactly this size."""
        ...

    async def checkpoints(self, from_size: int, count: int) -> list[bytes]:
        """Published checkpoints of at least this size, smallest first, at most `count`."""
        ...

    async def tiles(self, ids: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Tiles by (level, index), as wide as they are now; absent ones are left out."""
        ...

    async def entries(self, first: int, count: int) -> list[Placed]:
        """Entries with indexes [first, first + count) as far as they exist, at most 1,024."""
        ...

    async def entries_at(self, indexes: Sequence[int]) -> list[Placed]:
        """Entries at these indexes, in this order; absent ones are left out; at most 1,024."""
        ...

    async def heads(self, size: int) -> dict[str, Head]:
        """Where every chain ended when the log had `size` entries."""
        ...

    async def chain_head(self, chain: str) -> Head | None:
        """Where one chain ends; None when it has no entry."""
        ...

    async def known_records(self, record_ids: Sequence[bytes]) -> dict[bytes, int]:
        """Leaf indexes of those record ids that are in the log."""
        ...

    async def chain_indexes(self, chain: str, first_seq: int, count: int) -> list[int]:
        """Leaf indexes of the numbers [first_seq, first_seq + count) of a chain, as far as they exist; at most 1,024."""
        ...

    async def chain_period(
        self, chain: str, from_us: int, to_us: int, after_seq: int, count: int
    ) -> list[tuple[int, int]]:
        """(seq, leaf index) of entries of a chain in runs that touch the period [from_us, to_us), by seq.

        Only numbers above `after_seq`, at most `count` (at most 1,024). A run may hold entries outside the period: the
        caller looks at the entry.
        """
        ...

    async def time_range(self, from_us: int, to_us: int) -> tuple[int, int]:
        """[first, end) of the leaf indexes sequenced in [from_us, to_us)."""
        ...

    async def digest_indexes(self, prefix: bytes, count: int) -> list[int]:
        """Leaf indexes of entries that name a file whose SHA-256 begins with these 8 bytes, at most `count`."""
        ...

    async def submitter_runs(
        self, submitter: str, from_us: int, to_us: int, after_index: int, count: int
    ) -> list[Submission]:
        """Runs of a submitter sequenced in [from_us, to_us) that begin above `after_index`, at most `count`."""
        ...


class LogDirectory(Protocol):
    """All logs of one storage."""

    async def origins(self) -> list[str]:
        """Origins of all logs, sorted."""
        ...

    async def create(self, origin: str, vkeys: Sequence[str], created_us: int) -> LogStore:
        """Creates an empty log; only an explicit command of a person calls this. Raises LogExists."""
        ...

    async def open(self, origin: str) -> LogStore:
        """Opens a log. Raises LogUnknown."""
        ...

    async def close(self) -> None:
        """Releases connections and locks."""
        ...
