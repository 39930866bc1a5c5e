"""Inclusion and consistency proofs: RFC 9162 sections 2.1.3 and 2.1.4 (the same proofs as RFC 6962 section 2.1).

Plans say which hashes a proof needs; verification takes a finished proof and raises when it does not hold. Sizes and
indices given to a verifier come from a peer, so an impossible one is a failed proof, not a misuse.
"""

from collections.abc import Sequence
from typing import Final

from custody.core.errors import ConsistencyError, InclusionError
from custody.core.hashing import EMPTY_ROOT, HASH_BYTES, node_hash
from custody.core.plan import Plan, cover, largest_power_below
from custody.core.tree import MAX_TREE_SIZE, Node, check_size

MAX_PROOF_HASHES: Final = 64
"""A tree of 2**63 - 1 entries is 63 levels deep; a consistency proof may carry one hash more."""


def inclusion_plan(index: int, size: int) -> Plan:
    """Plan the inclusion proof of entry `index` in the tree of `size` entries, leaf's sibling first.

    Raises ValueError unless 0 <= index < size.
    """
    check_size(size)
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size} entries")
    groups: list[tuple[Node, ...]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + largest_power_below(end - start)
        if index < middle:
            groups.append(cover(middle, end))
            end = middle
        else:
            groups.append(cover(start, middle))
            start = middle
    return Plan(groups=tuple(reversed(groups)))


def consistency_plan(old_size: int, new_size: int) -> Plan:
    """Plan the consistency proof from `old_size` to `new_size`; empty when the old tree is empty or the sizes are equal.

    Raises ValueError unless 0 <= old_size <= new_size.
    """
    check_size(new_size)
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {new_size} entries does not extend one of {old_size}")
    if old_size in (0, new_size):
        return Plan(groups=())
    groups: list[tuple[Node, ...]] = []
    start, end = 0, new_size
    while end != old_size:
        middle = start + largest_power_below(end - start)
        if old_size <= middle:
            groups.append(cover(middle, end))
            end = middle
        else:
            groups.append(cover(start, middle))
            start = middle
    if start > 0:  # with start 0 the old root itself is this subtree, and the verifier has it already
        groups.append(cover(start, end))
    return Plan(groups=tuple(reversed(groups)))


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf_hash` is entry `index` of the tree of `size` entries with `root` (RFC 9162 section 2.1.3.2).

    Raises InclusionError.
    """
    if not 0 <= index < size <= MAX_TREE_SIZE:
        raise InclusionError(f"entry {index} is not in a tree of {size} entries")
    if len(proof) > MAX_PROOF_HASHES:
        raise InclusionError(f"an inclusion proof has at most {MAX_PROOF_HASHES} hashes, not {len(proof)}")
    if any(len(value) != HASH_BYTES for value in (leaf_hash, root, *proof)):
        raise InclusionError(f"every hash of an inclusion proof has {HASH_BYTES} bytes")
    position, last = index, size - 1
    computed = leaf_hash
    for sibling in proof:
        if last == 0:
            raise InclusionError("the inclusion proof has more hashes than the tree has levels")
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            while not position & 1 and position:  # climb the levels where this node has no right sibling
                position >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        position >>= 1
        last >>= 1
    if last != 0:
        raise InclusionError("the inclusion proof has fewer hashes than the tree has levels")
    if computed != root:
        raise InclusionError(f"the inclusion proof of entry {index} does not lead to the root of the tree of {size}")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the new tree begins with exactly the entries of the old one (RFC 9162 section 2.1.4.2).

    The empty tree is consistent with every tree by an empty proof, as C2SP tlog-witness has it; its root is still
    checked. Equal sizes need equal roots and an empty proof. Raises ConsistencyError.
    """
    if not 0 <= old_size <= new_size <= MAX_TREE_SIZE:
        raise ConsistencyError(f"a tree of {new_size} entries does not extend one of {old_size}")
    if len(proof) > MAX_PROOF_HASHES:
        raise ConsistencyError(f"a consistency proof has at most {MAX_PROOF_HASHES} hashes, not {len(proof)}")
    if any(len(value) != HASH_BYTES for value in (old_root, new_root, *proof)):
        raise ConsistencyError(f"every hash of a consistency proof has {HASH_BYTES} bytes")
    if old_size in (0, new_size):
        _verify_trivial_consistency(old_size, old_root, new_size, new_root, proof)
        return
    hashes = list(proof)
    if old_size & (old_size - 1) == 0:  # the old root is itself a node of the new tree and is left out of the proof
        hashes.insert(0, old_root)
    if not hashes:
        raise ConsistencyError("the consistency proof is empty")
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_computed = new_computed = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ConsistencyError("the consistency proof has more hashes than the tree has levels")
        if position & 1 or position == last:
            old_computed = node_hash(sibling, old_computed)
            new_computed = node_hash(sibling, new_computed)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            new_computed = node_hash(new_computed, sibling)
        position >>= 1
        last >>= 1
    if last != 0:
        raise ConsistencyError("the consistency proof has fewer hashes than the tree has levels")
    if old_computed != old_root:
        raise ConsistencyError(f"the consistency proof does not lead to the old root at size {old_size}")
    if new_computed != new_root:
        raise ConsistencyError(f"the consistency proof does not lead to the new root at size {new_size}")


def _verify_trivial_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    if proof:
        raise ConsistencyError(f"no hashes are needed from size {old_size} to {new_size}, but the proof has some")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise ConsistencyError("the old tree is said to be empty but its root is not the empty root")
    if new_size == 0 and new_root != EMPTY_ROOT:
        raise ConsistencyError("the new tree is said to be empty but its root is not the empty root")
    if old_size == new_size and old_root != new_root:
        raise ConsistencyError(f"two different roots are claimed for the same size {new_size}")
