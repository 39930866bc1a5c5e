"""The receipt of a batch, checked at speed.

The same checks as `custody.core.receipt.verify_runs`, in the same order, plus one: entries of one chain that stand side
by side in a run must continue each other. Almost every stamp can be *predicted* (submitter and time of the stamp
before, next number of the chain, leaf hash of the entry before), and equality with a prediction is a strict reading at
a fraction of its cost. Whatever differs from the prediction is read the long way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from custody.core import limits
from custody.core.chain import ChainError
from custody.core.checkpoint import Checkpoint
from custody.core.entry import ReadEntry, decode_entry, link_prefix, rebuild_entry, stamp_prefix
from custody.core.hashing import HASH_BYTES, LEAF_PREFIX
from custody.core.range_proof import verify_range
from custody.core.receipt import ReceiptError, Run, Submitted
from custody.core.wire import list_item, varint

_PREV_BYTES: Final = 34
"""Tag, length and 32 bytes: how a predecessor ends its link."""


class ProvenEntry(NamedTuple):
    """One entry that is proven to be in the log: leaf index, leaf hash, and the entry read strictly.

    That the entry is in the log, and its place in its chains, are always proven. The index is proven too, except in reads
    of a chain, where an entry may be proven by being named as predecessor: there the index is the ledger's word
    (`LedgerClient.prove_inclusion` proves it).
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    leaf: bytes
    entry: ReadEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof that a batch is in the log, checked; positions are those of the batch."""

    checkpoint: Checkpoint
    note: bytes
    """The signed checkpoint, byte for byte."""
    indexes: tuple[int, ...]
    leaves: tuple[bytes, ...]
    """Leaf hashes."""
    raw_entries: tuple[bytes, ...]
    """Entries as they stand in the log."""
    response: bytes
    """The serialized AppendResponse: with the batch, everything needed to check the receipt again."""

    def __len__(self) -> int:
        return len(self.indexes)

    def __getitem__(self, position: int) -> ProvenEntry:
        """The entry of the record at `position`; read when asked for."""
        return ProvenEntry(self.indexes[position], self.leaves[position], decode_entry(self.raw_entries[position]))

    def __iter__(self) -> Iterator[ProvenEntry]:
        return (self[position] for position in range(len(self)))


class Found:
    """Entries found so far, by position in the batch; filled by `check_runs`."""

    __slots__ = ("entries", "indexes", "leaves")

    def __init__(self, count: int) -> None:
        self.indexes = [-1] * count
        self.leaves = [b""] * count
        self.entries = [b""] * count


def check_runs(batch: Sequence[Submitted], runs: Sequence[Run], checkpoint: Checkpoint, identity: str = "") -> Found:
    """Checks the runs of a receipt against what was sent, under a checkpoint whose signature was verified.

    Every entry must be filed under `identity`, if it is given.

    Raises ReceiptError, ChainError, InclusionError, or MalformedError for a stamp that is not strict.
    """
    found = Found(len(batch))
    following = 0
    covered = 0
    for run in runs:
        count = len(run.stamps)
        if not 0 < count <= limits.MAX_BATCH_RECORDS or run.first_index + count > checkpoint.size:
            raise ReceiptError("a run of the receipt is empty or lies outside the tree of its checkpoint")
        positions = run.positions or range(following, following + count)
        if len(positions) != count or min(positions) < 0 or max(positions) >= len(batch):
            raise ReceiptError("a run of the receipt does not fit the batch")
        following = positions[-1] + 1
        leaves = _check_run(batch, run, positions, found, identity)
        verify_range(leaves, run.first_index, checkpoint.size, run.proof, checkpoint.root)
        covered += count
    if covered != len(batch):
        raise ReceiptError(f"the receipt covers {covered} of {len(batch)} records")
    return found


_Link = tuple[bytes, int, bytes]
"""Constant part of a link (`link_prefix`), number, leaf hash of the predecessor: the arguments of `encode_link`."""


def _check_run(
    batch: Sequence[Submitted], run: Run, positions: Sequence[int], found: Found, identity: str
) -> list[bytes]:
    """Rebuilds, reads and hashes the entries of one run; returns their leaf hashes in order."""
    indexes, entries, known = found.indexes, found.entries, found.leaves
    leaves: list[bytes] = []
    expected: dict[str, _Link] = {}  # by chain: the link that the next entry of it in this run must have
    common = b""  # submitter and time of the stamp before, once one was read strictly
    index = run.first_index
    for stamp, position in zip(run.stamps, positions, strict=True):
        if indexes[position] >= 0:
            raise ReceiptError(f"the receipt speaks of record {position} twice")
        record, seal, chains = batch[position]
        link = (expected.get(chains[0]) or _first_link(chains[0], stamp, common)) if len(chains) == 1 else None
        if link is not None and stamp == common + _encode_link(*link):
            entry = list_item(len(record)) + record + seal + stamp  # `sealed_record`, without a call for each
            if len(entry) > limits.MAX_ENTRY_BYTES:
                raise ReceiptError(f"record {position} would be an entry of {len(entry)} bytes")
            leaf = sha256(LEAF_PREFIX + entry).digest()
            expected[chains[0]] = (link[0], link[1] + 1, leaf)
        else:
            read = _read_long(batch[position], position, stamp, expected)
            # What was predicted has the submitter of an entry that came this way.
            if identity and read.submitter != identity:
                raise ReceiptError(f"the ledger filed record {position} under {read.submitter}, not {identity}")
            entry = read.raw
            leaf = sha256(LEAF_PREFIX + entry).digest()
            common = stamp_prefix(read.submitter, read.sequenced_at_us)
            expected.update((chain, (link_prefix(chain), seq + 1, leaf)) for chain, seq, _ in read.links)
        leaves.append(leaf)
        indexes[position] = index
        known[position] = leaf
        entries[position] = entry
        index += 1
    return leaves


@lru_cache(maxsize=1_024)
def _link_head(length: int) -> bytes:
    return b"\x2a" + varint(length)


def _encode_link(prefix: bytes, seq: int, prev: bytes) -> bytes:
    """`core.entry.encode_link` of a link that has a predecessor, with what repeats kept."""
    number = varint(seq)
    return _link_head(len(prefix) + len(number) + _PREV_BYTES) + prefix + number + b"\x1a\x20" + prev


def _first_link(chain: str, stamp: bytes, common: bytes) -> _Link | None:
    """What the only link of a stamp says, for a chain that the run meets for the first time; None to read it long.

    A guess at fixed places, nothing is checked: the caller encodes it again and compares with the whole stamp.
    """
    prefix = link_prefix(chain)
    number = stamp[stamp.find(prefix, len(common)) + len(prefix) : -_PREV_BYTES]
    seq = 0
    for place, byte in enumerate(number[:10]):
        seq |= (byte & 0x7F) << 7 * place
    return (prefix, seq, stamp[-HASH_BYTES:]) if common and seq > 1 else None


def _read_long(sent: Submitted, position: int, stamp: bytes, expected: dict[str, _Link]) -> ReadEntry:
    """Reads the whole entry strictly and holds its links against the record and against the run so far."""
    read = rebuild_entry(sent.record, sent.seal, stamp)
    if tuple([link.chain for link in read.links]) != sent.chains:
        raise ReceiptError(f"the ledger filed record {position} under other chains than it belongs to")
    for chain, seq, prev in read.links:
        link = expected.get(chain)
        if link is not None and (link[1], link[2]) != (seq, prev):
            raise ChainError(f"{chain}: entry {seq} of the receipt does not continue the entry before it")
    return read
