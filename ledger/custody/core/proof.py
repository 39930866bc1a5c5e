"""Inclusion and consistency proofs: RFC 9162 sections 2.1.3 and 2.1.4 (the same proofs as RFC 6962 section 2.1).

Plans say which hashes a proof needs; verification takes a finished proof and raises when it does not hold. Sizes and
indices given to a verifier come from a peer, so an impossible one is a failed proof, not a misuse. The shape of a proof
follows from its sizes alone, therefore a verifier first counts the hashes and then folds them.
"""

from collections.abc import Sequence
from typing import Final

from custody.core.errors import ConsistencyError, InclusionError
from custody.core.hashing import EMPTY_ROOT, HASH_BYTES, node_hash
from custody.core.plan import Plan, Sibling, cover, siblings
from custody.core.tree import MAX_TREE_SIZE, check_size

MAX_PROOF_HASHES: Final = 64
"""More hashes than any proof has: a tree of 2**63 - 1 entries is 63 levels deep, and a consistency proof adds one."""


def inclusion_plan(index: int, size: int) -> Plan:
    """Plan the inclusion proof of entry `index` in the tree of `size` entries, leaf's sibling first.

    Raises ValueError unless 0 <= index < size.
    """
    check_size(size)
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size} entries")
    return Plan(groups=tuple(cover(beside.start, beside.end) for beside in _above_entry(index, size)))


def consistency_plan(old_size: int, new_size: int) -> Plan:
    """Plan the consistency proof from `old_size` to `new_size`; empty when the old tree is empty or the sizes are equal.

    Raises ValueError unless 0 <= old_size <= new_size.
    """
    check_size(new_size)
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {new_size} entries does not extend one of {old_size}")
    if old_size in {0, new_size}:
        return Plan(groups=())
    way = _above_old_edge(old_size, new_size)
    seed = _seed_start(way)
    groups = [cover(seed, old_size)] if seed else []
    return Plan(groups=(*groups, *(cover(beside.start, beside.end) for beside in way)))


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf_hash` is entry `index` of the tree of `size` entries with `root` (RFC 9162 section 2.1.3.2).

    Raises InclusionError.
    """
    if not 0 <= index < size <= MAX_TREE_SIZE:
        raise InclusionError(f"entry {index} is not in a tree of {size} entries")
    way = _above_entry(index, size)
    if len(proof) != len(way):
        raise InclusionError(f"entry {index} of {size} needs a proof of {len(way)} hashes, not {len(proof)}")
    if any(len(value) != HASH_BYTES for value in (leaf_hash, root, *proof)):
        raise InclusionError(f"every hash of an inclusion proof has {HASH_BYTES} bytes")
    computed = leaf_hash
    for beside, sibling in zip(way, proof, strict=True):
        computed = node_hash(computed, sibling) if beside.on_right else node_hash(sibling, computed)
    if computed != root:
        raise InclusionError(f"the inclusion proof of entry {index} does not lead to the root of the tree of {size}")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the new tree begins with exactly the entries of the old one (RFC 9162 section 2.1.4.2).

    The empty tree is consistent with every tree by an empty proof, as C2SP tlog-witness has it; its root is still
    checked. Equal sizes need equal roots and an empty proof. Raises ConsistencyError.
    """
    if not 0 <= old_size <= new_size <= MAX_TREE_SIZE:
        raise ConsistencyError(f"a tree of {new_size} entries does not extend one of {old_size}")
    if any(len(value) != HASH_BYTES for value in (old_root, new_root, *proof)):
        raise ConsistencyError(f"every hash of a consistency proof has {HASH_BYTES} bytes")
    if old_size in {0, new_size}:
        _verify_without_hashes(old_size, old_root, new_size, new_root, proof)
        return
    way = _above_old_edge(old_size, new_size)
    # Where the old root is itself a node of the new tree the proof leaves it out: the verifier has it.
    hashes = list(proof) if _seed_start(way) else [old_root, *proof]
    spare = len(hashes) - len(way) - 1
    if spare:
        raise ConsistencyError(
            f"the proof from size {old_size} to {new_size} needs {len(proof) - spare} hashes, not {len(proof)}"
        )
    old_computed = new_computed = hashes[0]
    for beside, sibling in zip(way, hashes[1:], strict=True):
        if beside.on_right:
            new_computed = node_hash(new_computed, sibling)
        else:
            old_computed = node_hash(sibling, old_computed)
            new_computed = node_hash(sibling, new_computed)
    if old_computed != old_root:
        raise ConsistencyError(f"the consistency proof does not lead to the old root at size {old_size}")
    if new_computed != new_root:
        raise ConsistencyError(f"the consistency proof does not lead to the new root at size {new_size}")


def _verify_without_hashes(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """The cases that need no proof hashes: an empty old tree, or equal sizes."""
    if proof:
        raise ConsistencyError(
            f"from size {old_size} to {new_size} no hashes are needed, but the proof has {len(proof)}"
        )
    for size, root in ((old_size, old_root), (new_size, new_root)):
        if size == 0 and root != EMPTY_ROOT:
            raise ConsistencyError("a tree is said to be empty but its root is not the root of the empty tree")
    if old_size == new_size and old_root != new_root:
        raise ConsistencyError(f"two different roots are claimed for the same size {new_size}")


def _above_entry(index: int, size: int) -> list[Sibling]:
    return siblings(index, size, lambda start, end: end - start == 1)


def _above_old_edge(old_size: int, new_size: int) -> list[Sibling]:
    """The way up from the largest node of the new tree that ends where the old tree ends."""
    return siblings(old_size - 1, new_size, lambda _, end: end == old_size)


def _seed_start(way: Sequence[Sibling]) -> int:
    """Where the lowest node of the way starts: behind its nearest left sibling, 0 when it has none."""
    return next((beside.end for beside in way if not beside.on_right), 0)
