"""Receipts: proof, returned by the append call itself, that entries are durable and under a signed checkpoint.

A receipt of a batch holds the stamps, one range proof for each run of neighbouring leaves, the signed checkpoint, and
the consistency proof from a checkpoint that the client held (docs/spec/receipt.md). Nothing is trusted: each entry is
rebuilt from the record that the client sent, read strictly, hashed, and proven.

Verification, in this order: 1 the runs cover every record once; 2 each entry is rebuilt and read; 3 its links are the
record's chains; 4 the range proof leads to the checkpoint's root. The checkpoint itself is `watch.Watch`'s matter.
"""

from collections.abc import Sequence
from typing import NamedTuple

from custody.core import limits
from custody.core.checkpoint import Checkpoint
from custody.core.entry import ReadEntry, rebuild_entries
from custody.core.errors import MalformedError, VerificationError
from custody.core.hashing import leaf_hash
from custody.core.range_proof import RangeProof, verify_range


class ReceiptError(VerificationError):
    """A receipt does not speak of what was submitted."""

    code = "receipt-mismatch"


class Run(NamedTuple):
    """Entries with neighbouring leaf indexes, as a receipt gives them."""

    first_index: int
    stamps: Sequence[bytes]
    positions: Sequence[int]
    """Positions of the records in the batch; empty: the next ones in order."""
    proof: RangeProof


class Submitted(NamedTuple):
    """One record as it was sent: bytes, encoded seal (field 2 of the entry) or nothing, and the record's chains."""

    record: bytes
    seal: bytes
    chains: tuple[str, ...]


class Receipted(NamedTuple):
    """One entry that is proven to be in the log."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    leaf: bytes
    entry: ReadEntry


def verify_runs(batch: Sequence[Submitted], runs: Sequence[Run], checkpoint: Checkpoint) -> list[Receipted]:
    """Checks the runs of a receipt against what was sent; returns the entries in the order of the batch.

    Under whose name an entry was filed is in `Receipted.entry.submitter`; whoever knows its own name compares it.
    Raises ReceiptError, InclusionError, or MalformedError for a stamp that is not strict.
    """
    found: list[Receipted | None] = [None] * len(batch)
    following = 0
    for run in runs:
        count = len(run.stamps)
        if not 0 < count <= limits.MAX_BATCH_RECORDS or run.first_index + count > checkpoint.size:
            raise ReceiptError("a run of the receipt is empty or lies outside the tree of its checkpoint")
        positions = run.positions or range(following, following + count)
        following = positions[-1] + 1
        if len(positions) != count or min(positions) < 0 or max(positions) >= len(batch):
            raise ReceiptError("a run of the receipt does not fit the batch")
        _verify_run(batch, run, positions, checkpoint, found)
    receipted = [item for item in found if item is not None]
    if len(receipted) != len(batch):
        raise ReceiptError(f"the receipt covers {len(receipted)} of {len(batch)} records")
    return receipted


def _verify_run(
    batch: Sequence[Submitted],
    run: Run,
    positions: Sequence[int],
    checkpoint: Checkpoint,
    found: list[Receipted | None],
) -> None:
    sent_here = [batch[position] for position in positions]
    entries = rebuild_entries(
        [(sent.record, sent.seal, stamp) for sent, stamp in zip(sent_here, run.stamps, strict=True)]
    )
    leaves = []
    for index, (sent, entry, position) in enumerate(zip(sent_here, entries, positions, strict=True), run.first_index):
        if found[position] is not None:
            raise ReceiptError(f"the receipt speaks of record {position} twice")
        if tuple([link.chain for link in entry.links]) != sent.chains:
            raise ReceiptError(f"the ledger filed record {position} under other chains than it belongs to")
        leaf = leaf_hash(entry.raw)
        leaves.append(leaf)
        found[position] = Receipted(index, leaf, entry)
    verify_range(leaves, run.first_index, checkpoint.size, run.proof, checkpoint.root)


def check_batch_size(count: int, total_bytes: int) -> None:
    """Raises MalformedError ('batch-empty', 'batch-oversize') for a batch that no ledger takes."""
    if count < 1:
        raise MalformedError("the batch has no record", code="batch-empty")
    if count > limits.MAX_BATCH_RECORDS or total_bytes > limits.MAX_BATCH_BYTES:
        raise MalformedError(
            f"a batch has at most {limits.MAX_BATCH_RECORDS} records and {limits.MAX_BATCH_BYTES} bytes",
            code="batch-oversize",
        )
