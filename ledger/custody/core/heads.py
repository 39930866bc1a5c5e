"""Heads snapshot: where every chain ended (docs/spec/heads.md).

The root is the RFC 6962 Merkle root over the serialized `ChainHead` messages sorted by the bytes of the chain name. It
is a function of the log's first `tree_size` entries alone, so every auditor recomputes it; with it a package proves
that a chain ended where it says.
"""

from collections.abc import Iterable, Mapping

from google.protobuf.message import DecodeError

from custody.core import limits
from custody.core.chain import Head
from custody.core.errors import MalformedError, VerificationError
from custody.core.hashing import HASH_BYTES, leaf_hash
from custody.core.names import check_chain
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.v1 import entry_pb2, record_pb2


class HeadsError(VerificationError):
    """A heads snapshot does not say what the log says."""

    code = "heads-mismatch"


def encode_head(chain: str, head: Head) -> bytes:
    """One leaf of the heads tree: a serialized ChainHead."""
    return entry_pb2.ChainHead(chain=chain, seq=head.seq, leaf_sha256=head.leaf).SerializeToString()


def head_leaves(heads: Mapping[str, Head]) -> list[bytes]:
    """Leaf hashes of the heads tree, in order."""
    return [leaf_hash(encode_head(chain, heads[chain])) for chain in sorted(heads)]


def heads_root(heads: Mapping[str, Head]) -> bytes:
    """Merkle root over the sorted heads, 32 bytes; of no heads, the hash of the empty string."""
    return extend(EMPTY_FRONTIER, head_leaves(heads)).root


def chain_heads(tree_size: int, heads: Mapping[str, Head]) -> record_pb2.ChainHeads:
    """The snapshot of the log's first `tree_size` entries. Misuse, such as no heads, raises ValueError."""
    if not heads:
        raise ValueError("a log without entries has no heads to snapshot")
    return record_pb2.ChainHeads(tree_size=tree_size, chains=len(heads), heads_root=heads_root(heads))


def check_heads(snapshot: record_pb2.ChainHeads, index: int, heads: Mapping[str, Head]) -> None:
    """Holds a snapshot at leaf `index` against the heads of the `index` entries before it.

    Raises HeadsError when it speaks of another size, counts other chains or has another root.
    """
    if snapshot.tree_size != index:
        raise HeadsError(f"the heads snapshot at {index} speaks of the tree of size {snapshot.tree_size}")
    if snapshot.chains != len(heads):
        raise HeadsError(f"the heads snapshot at {index} counts {snapshot.chains} chains; the log has {len(heads)}")
    if snapshot.heads_root != heads_root(heads):
        raise HeadsError(f"the heads snapshot at {index} has another root than the log")


def decode_heads(raw: Iterable[bytes]) -> dict[str, Head]:
    """Reads a sorted list of serialized ChainHead messages.

    Raises MalformedError ('heads-malformed', 'name-malformed').
    """
    found: dict[str, Head] = {}
    before = ""
    for item in raw:
        try:
            head = entry_pb2.ChainHead.FromString(item)
        except DecodeError:
            raise MalformedError("not a serialized ChainHead", code="heads-malformed") from None
        if encode_head(head.chain, Head(head.seq, head.leaf_sha256)) != item or head.chain <= before:
            raise MalformedError("the chain heads are not sorted, or one has another spelling", code="heads-malformed")
        check_chain(head.chain)
        if not 0 < head.seq <= limits.MAX_COUNT or len(head.leaf_sha256) != HASH_BYTES:
            raise MalformedError(f"{head.chain}: a head without number or hash", code="heads-malformed")
        found[head.chain] = Head(head.seq, head.leaf_sha256)
        before = head.chain
    return found
