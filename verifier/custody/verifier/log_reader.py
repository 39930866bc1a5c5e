"""What a log is to the verifier: bytes from some medium, none of them trusted.

`LogReader` is written for the audit, not for a database: a SQLite file fits it, a folder of C2SP tiles does (no runs, no
index), another database will. Methods raise `LogUnreadable` when the medium fails, and never interpret: a row that
makes no sense is handed on and becomes a finding.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from custody.core.errors import CustodyError


class LogUnreadable(CustodyError):
    """The medium cannot be read, or is no log: nothing was checked."""

    code = "log-unreadable"


class StoredHead(NamedTuple):
    """What the medium says of the log; a claim."""

    origin: str
    vkeys: tuple[str, ...]
    size: int
    root: bytes
    published: int
    sequenced_us: int | None
    """Stamp of the last entry, where the medium keeps it."""
    created_us: int | None
    epoch: int | None


class StoredRun(NamedTuple):
    """Entries in bundle framing, as the medium keeps them; a C2SP bundle is one run."""

    first_index: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls
    sequenced_us: int | None
    data: bytes


class StoredCheckpoint(NamedTuple):
    """A published checkpoint and the size under which it was filed."""

    size: int
    note: bytes


class StoredChain(NamedTuple):
    """Index row of a chain."""

    number: int
    name: str
    longest_us: int


class StoredChainRun(NamedTuple):
    """Index row of neighbouring entries of one chain."""

    first_seq: int
    first_index: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls
    from_us: int
    to_us: int


class StoredSubmission(NamedTuple):
    """Index row of neighbouring entries of one submitter."""

    first_index: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls
    sequenced_us: int


class ChainTotals(NamedTuple):
    """All index rows of one chain, added up."""

    entries: int
    first_seq: int
    end_seq: int
    longest_us: int


class IndexTotals(NamedTuple):
    """All rows of the index that belong to one log, counted."""

    records: int
    submitted: int
    """Sum of the counts of the submission rows."""
    strays: tuple[str, ...]
    """What belongs to no log of the medium, or to no chain of the log; named for people."""


class DigestSum(NamedTuple):
    """Order-free fingerprint of (prefix, leaf index) pairs: how many, and the sum of their keyed hashes."""

    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls
    total: int


class IndexReader(Protocol):
    """The derived index of a log, where the medium has one. It proves nothing; it must say what the entries say."""

    def chains(self) -> Sequence[StoredChain]:
        """Every chain."""
        ...

    def chain_runs(self, number: int, first_seq: int, end_seq: int) -> list[tuple[int, int, int, int, int]]:
        """Runs of a chain that hold any of the numbers [first_seq, end_seq), by number.

        The fields are those of StoredChainRun; plain tuples, because there may be one for every entry.
        """
        ...

    def chain_totals(self) -> dict[int, ChainTotals]:
        """The sums over all runs of each chain, by its number."""
        ...

    def submissions(self, submitter: str, first: int, end: int) -> Sequence[StoredSubmission]:
        """Runs of a submitter that touch the leaf indexes [first, end), by index."""
        ...

    def records_between(self, low: bytes, high: bytes, count: int) -> Sequence[tuple[bytes, int]]:
        """(record id, leaf index) with low <= id <= high, at most `count`."""
        ...

    def record_places(self, record_ids: Sequence[bytes]) -> Sequence[tuple[bytes, int]]:
        """(record id, leaf index) of these ids, as far as they are there."""
        ...

    def has_digest(self, prefix: bytes, index: int) -> bool:
        """Whether the file digest's prefix is indexed for the entry."""
        ...

    def digest_sum(self, low: bytes, high: bytes | None) -> DigestSum:
        """Fingerprint of the digest rows with low <= prefix < high; None: to the end."""
        ...

    def totals(self) -> IndexTotals:
        """Counts over the whole index."""
        ...


class LogReader(Protocol):
    """One log in its medium. All reads see one moment: a writer that goes on meanwhile changes nothing here."""

    def head(self) -> StoredHead:
        """What the log says of itself."""
        ...

    def end(self) -> int:
        """Leaf index behind the last stored entry, at most what the medium has room for."""
        ...

    def runs(self, first: int, end: int) -> Iterator[StoredRun]:
        """Runs that begin at the leaf indexes [first, end), by index."""
        ...

    def runs_outside(self, end: int) -> Sequence[int]:
        """First indexes of a few runs that begin before 0 or at `end` or behind it."""
        ...

    def checkpoints(self, above: int, to: int) -> Iterator[StoredCheckpoint]:
        """Published checkpoints with above < size <= to, by size."""
        ...

    def last_checkpoint(self) -> StoredCheckpoint | None:
        """The published checkpoint of the largest size."""
        ...

    def checkpoints_outside(self, to: int) -> Sequence[int]:
        """Sizes of a few checkpoints that are filed below 0 or above `to`."""
        ...

    def tiles(self, level: int, first: int, end: int) -> dict[int, bytes]:
        """Tiles of a level with first <= index < end."""
        ...

    def tile_count(self) -> int | None:
        """How many tiles there are in all; None where the medium keeps tiles of earlier widths."""
        ...

    def index(self) -> IndexReader | None:
        """The derived index; None where the medium has none."""
        ...

    def close(self) -> None:
        """Releases the medium."""
        ...


def is_url(place: str) -> bool:
    """Whether `place` is meant as a URL."""
    return place.startswith(("http://", "https://"))
