"""Proof that a contiguous run of leaves stands at its place in a tree: one proof for a whole batch.

`left` holds the hashes of `peaks(first)`: the complete subtrees over everything before the run. `right` holds the hashes
of the largest subtrees of the tree, in RFC 6962's decomposition for its size, that cover everything after the run; only
the last of them may be incomplete. Together they are O(log size) hashes for any number of leaves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from custody.core.errors import InclusionError
from custody.core.hashing import HASH_BYTES, node_hash
from custody.core.plan import Plan, cover, largest_power_below
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
        right=Plan(groups=_right_groups(first + count, size)),
    )


def root_from_range(leaf_hashes: Sequence[bytes], first: int, size: int, proof: RangeProof) -> bytes:
    """Root of the tree of `size` entries that has `leaf_hashes` at `first` and `proof` around them.

    Raises InclusionError when the run cannot lie there, or the proof does not have exactly the hashes that it needs.
    """
    end = first + len(leaf_hashes)
    if first < 0 or not leaf_hashes or not end <= size <= MAX_TREE_SIZE:
        raise InclusionError(f"a run of {len(leaf_hashes)} entries from {first} is not in a tree of {size} entries")
    turns = _turns(end, size)
    if len(proof.left) != first.bit_count():
        raise InclusionError(f"a run from {first} needs {first.bit_count()} hashes on its left, not {len(proof.left)}")
    if len(proof.right) != sum(turns):
        raise InclusionError(
            f"a run up to {end} of {size} needs {sum(turns)} hashes on its right, not {len(proof.right)}"
        )
    if set(map(len, (*proof.left, *proof.right, *leaf_hashes))) != {HASH_BYTES}:
        raise InclusionError(f"every hash of a range proof has {HASH_BYTES} bytes")
    run = extend(Frontier(size=first, hashes=proof.left), leaf_hashes)
    lefts = list(run.frontier.hashes)
    rights = iter(proof.right)
    computed = lefts.pop()
    for has_right in reversed(turns):
        computed = node_hash(computed, next(rights)) if has_right else node_hash(lefts.pop(), computed)
    return computed


def verify_range(leaf_hashes: Sequence[bytes], first: int, size: int, proof: RangeProof, root: bytes) -> None:
    """Check that `leaf_hashes` are entries [first, first + len) of the tree of `size` entries with `root`.

    Raises InclusionError.
    """
    if root_from_range(leaf_hashes, first, size, proof) != root:
        raise InclusionError(
            f"the range proof of {len(leaf_hashes)} entries from {first} does not lead to the root of the tree of {size}"
        )


def _turns(end: int, size: int) -> list[bool]:
    """The way from the root of a tree of `size` down to the node whose last entry is `end` - 1.

    Each step leaves a sibling behind: on the right (True) or on the left (False).
    """
    turns: list[bool] = []
    low, high = 0, size
    while high != end or not _complete(high - low):
        middle = low + largest_power_below(high - low)
        if end <= middle:
            turns.append(True)
            high = middle
        else:
            turns.append(False)
            low = middle
    return turns


def _complete(count: int) -> bool:
    return count & (count - 1) == 0


def _right_groups(end: int, size: int) -> tuple[tuple[Node, ...], ...]:
    """Subtrees over [end, size), left to right, each as the complete nodes that it is folded from."""
    groups: list[tuple[Node, ...]] = []
    low, high = 0, size
    while high != end:
        middle = low + largest_power_below(high - low)
        if end <= middle:
            groups.append(cover(middle, high))
            high = middle
        else:
            low = middle
    return tuple(reversed(groups))
