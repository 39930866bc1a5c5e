"""Where every chain ends, checked: the answer of GetChainHeads against the snapshot in the log (docs/spec/heads.md)."""

from typing import NamedTuple

from custody.client.receipt import ProvenEntry
from custody.core.chain import Head
from custody.core.checkpoint import Checkpoint
from custody.core.entry import decode_entry
from custody.core.errors import MalformedError
from custody.core.hashing import leaf_hash
from custody.core.heads import HeadsError, check_heads, decode_heads
from custody.core.proof import verify_inclusion
from custody.core.record import read_record
from custody.v1 import ledger_pb2


class ChainEnds(NamedTuple):
    """Heads of all chains just before `snapshot` was appended, proven under `checkpoint`."""

    heads: dict[str, Head]
    snapshot: ProvenEntry
    checkpoint: Checkpoint


def check_chain_heads(
    message: ledger_pb2.GetChainHeadsResponse, checkpoint: Checkpoint, *, not_before: int = 0
) -> ChainEnds:
    """Recomputes the heads root and proves the snapshot under a checkpoint that was opened.

    `not_before` is the size that was known when a fresh snapshot was asked for: an older one is genuine, and hides what
    was appended since. Raises MalformedError, InclusionError, or HeadsError: 'heads-stale', or 'heads-mismatch' when the
    list is not the one whose root stands in the log.
    """
    logged = message.snapshot
    snapshot = ProvenEntry(logged.index, leaf_hash(logged.entry), decode_entry(logged.entry))
    verify_inclusion(snapshot.leaf, snapshot.index, checkpoint.size, message.inclusion.hashes, checkpoint.root)
    record = read_record(snapshot.entry.record)
    if record.kind.name != "chain_heads":
        raise MalformedError("the snapshot is no chain_heads record", code="heads-malformed")
    if snapshot.index < not_before:
        raise HeadsError(
            f"a fresh heads snapshot was asked for at size {not_before}; the ledger shows the one at {snapshot.index}",
            code="heads-stale",
        )
    heads = decode_heads([head.SerializeToString() for head in message.heads])
    check_heads(record.body, snapshot.index, heads)
    return ChainEnds(heads, snapshot, checkpoint)
