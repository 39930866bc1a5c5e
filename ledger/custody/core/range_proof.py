"""Proof that a contiguous run of leaves stands at its place in a tree: one proof for a whole batch.

`left` holds the hashes of `peaks(first)`: the complete subtrees over everything before the run. `right` holds the hashes
of the largest subtrees of the tree, in RFC 6962's decomposition for its size, that cover everything after the run; only
the last of them may be incomplete. Together they are O(log size) hashes for any number of leaves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from custody.core.errors import InclusionError
from custody.core.hashing import HASH_BYTES, node_hash
from custody.core.plan import Plan, Sibling, cover, siblings
from custody.core.tree import MAX_TREE_SIZE, Frontier, Node, check_size, extend, peaks


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeProof:
    """The hashes beside a run of leaves; see the module text for their order."""

    left: tuple[bytes, ...]
    right: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangePlan:
    """The nodes that a range proof needs; `assemble` reads them."""

    left: Plan
    right: Plan

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every complete node that `assemble` will read."""
        return self.left.nodes + self.right.nodes

    def assemble(self, read: Callable[[Node], bytes | None]) -> RangeProof:
        """Build the proof; `read` returns the hash of each node of `nodes`. Raises LookupError when it answers None."""
        return RangeProof(left=self.left.assemble(read), right=self.right.assemble(read))


def range_plan(first: int, count: int, size: int) -> RangePlan:
    """Plan the proof of entries [first, first + count) in the tree of `size` entries.

    Raises ValueError unless 0 <= first, count >= 1 and first + count <= size.
    """
    check_size(size)
    if first < 0 or count < 1 or first + count > size:
        raise ValueError(f"a run of {count} entries from {first} is not in a tree of {size} entries")
    return RangePlan(
        left=Plan(groups=tuple((node,) for node in peaks(first))),
        right=Plan(
            groups=tuple(cover(one.start, one.end) for one in _above_run(first + count, size) if one.on_right),
        ),
    )


def root_from_range(leaf_hashes: Sequence[bytes], first: int, size: int, proof: RangeProof) -> bytes:
    """Root of the tree of `size` entries that has `leaf_hashes` at `first` and `proof` around them.

    Raises InclusionError when the run cannot lie there, or the proof does not have exactly the hashes that it needs.
    """
    end = first + len(leaf_hashes)
    if first < 0 or not leaf_hashes or not end <= size <= MAX_TREE_SIZE:
        raise InclusionError(f"a run of {len(leaf_hashes)} entries from {first} is not in a tree of {size} entries")
    way = _above_run(end, size)
    rights_needed = sum(beside.on_right for beside in way)
    if len(proof.left) != first.bit_count():
        raise InclusionError(f"a run from {first} needs {first.bit_count()} hashes on its left, not {len(proof.left)}")
    if len(proof.right) != rights_needed:
        raise InclusionError(
            f"a run up to {end} of {size} needs {rights_needed} hashes on its right, not {len(proof.right)}"
        )
    if set(map(len, (*proof.left, *proof.right, *leaf_hashes))) != {HASH_BYTES}:
        raise InclusionError(f"every hash of a range proof has {HASH_BYTES} bytes")
    run = extend(Frontier(size=first, hashes=proof.left), leaf_hashes)
    lefts = list(run.frontier.hashes)
    rights = iter(proof.right)
    computed = lefts.pop()
    for beside in way:
        computed = node_hash(computed, next(rights)) if beside.on_right else node_hash(lefts.pop(), computed)
    return computed


def verify_range(leaf_hashes: Sequence[bytes], first: int, size: int, proof: RangeProof, root: bytes) -> None:
    """Check that `leaf_hashes` are entries [first, first + len) of the tree of `size` entries with `root`.

    Raises InclusionError.
    """
    if root_from_range(leaf_hashes, first, size, proof) != root:
        raise InclusionError(
            f"the range proof of {len(leaf_hashes)} entries from {first} does not lead to the root of the tree of {size}"
        )


def _above_run(end: int, size: int) -> list[Sibling]:
    """The way up from the largest complete node whose last entry is `end` - 1."""
    return siblings(end - 1, size, lambda low, high: high == end and (high - low).bit_count() == 1)
