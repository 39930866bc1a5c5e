"""Every inclusion and consistency proof of every tree of up to 300 entries, against the naive tree, and mutated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.core.errors import ConsistencyError, InclusionError
from custody.core.hashing import EMPTY_ROOT, node_hash
from custody.core.plan import cover
from custody.core.proof import consistency_plan, inclusion_plan, verify_consistency, verify_inclusion
from custody.core.tree import EMPTY_FRONTIER, MAX_TREE_SIZE, Extension, Node, extend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.core.conftest import NaiveTree

    from custody.core.plan import Plan

LARGEST = 300
OTHER = b"\xee" * 32


@pytest.fixture(scope="module")
def whole(naive: NaiveTree) -> Extension:
    """Every complete node of the largest tree; smaller trees have a part of them."""
    return extend(EMPTY_FRONTIER, naive.leaves[:LARGEST])


def assemble(plan: Plan, whole: Extension, size: int) -> tuple[bytes, ...]:
    assert all((index + 1) << level <= size for level, index in plan.nodes)  # complete in this very tree
    return plan.assemble(whole.node)


def rfc9162_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """RFC 9162 section 2.1.3.2 step by step; the root that it arrives at, None where the steps say "fail"."""
    if index >= size:
        return None
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return r if sn == 0 else None


def rfc9162_consistency(
    first: int, second: int, first_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """RFC 9162 section 2.1.4.2 step by step; the two roots that it arrives at, None where the steps say "fail"."""
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not proof:
        return None
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr) if sn == 0 else None


def test_every_inclusion_proof(naive: NaiveTree, whole: Extension) -> None:
    for size in range(1, LARGEST + 1):
        root = naive.root(0, size)
        for index in range(size):
            proof = assemble(inclusion_plan(index, size), whole, size)
            assert list(proof) == naive.path(index, 0, size)
            verify_inclusion(naive.leaves[index], index, size, proof, root)


def test_every_consistency_proof(naive: NaiveTree, whole: Extension) -> None:
    for new in range(1, LARGEST + 1):
        for old in range(1, new + 1):
            proof = assemble(consistency_plan(old, new), whole, new)
            assert list(proof) == naive.proof(old, 0, new)
            verify_consistency(old, naive.root(0, old), new, naive.root(0, new), proof)


def test_a_changed_inclusion_proof_is_refused(naive: NaiveTree, whole: Extension) -> None:
    for size in (*range(1, 34), 63, 64, 65, 127, 128, 129, 255, 256, 257, LARGEST):
        root = naive.root(0, size)
        for index in range(0, size, 1 if size < 34 else 7):
            leaf = naive.leaves[index]
            proof = inclusion_plan(index, size).assemble(whole.node)
            changed = [(*proof[:at], OTHER, *proof[at + 1 :]) for at in range(len(proof))]
            shorter = [(*proof[:at], *proof[at + 1 :]) for at in range(len(proof))]
            for wrong in (*changed, *shorter, (*proof, OTHER), (OTHER, *proof)):
                with pytest.raises(InclusionError) as caught:
                    verify_inclusion(leaf, index, size, wrong, root)
                assert caught.value.code == "inclusion-failed"
            for wrong_leaf, wrong_root in ((OTHER, root), (leaf, OTHER)):
                with pytest.raises(InclusionError):
                    verify_inclusion(wrong_leaf, index, size, proof, wrong_root)
            with pytest.raises(InclusionError):
                verify_inclusion(leaf, index + 1, size, proof, root)


def test_a_changed_consistency_proof_is_refused(naive: NaiveTree, whole: Extension) -> None:
    for new in (*range(2, 34), 64, 65, 127, 128, 129, 255, 256, 257, LARGEST):
        for old in range(1, new, 1 if new < 34 else 7):
            roots = naive.root(0, old), naive.root(0, new)
            proof = consistency_plan(old, new).assemble(whole.node)
            changed = [(*proof[:at], OTHER, *proof[at + 1 :]) for at in range(len(proof))]
            shorter = [(*proof[:at], *proof[at + 1 :]) for at in range(len(proof))]
            for wrong in (*changed, *shorter, (*proof, OTHER), (OTHER, *proof)):
                with pytest.raises(ConsistencyError) as caught:
                    verify_consistency(old, roots[0], new, roots[1], wrong)
                assert caught.value.code == "consistency-failed"
            for wrong_roots in ((OTHER, roots[1]), (roots[0], OTHER), (roots[1], roots[0])):
                with pytest.raises(ConsistencyError):
                    verify_consistency(old, wrong_roots[0], new, wrong_roots[1], proof)


def test_the_steps_of_rfc_9162_agree_also_on_wrong_sizes(naive: NaiveTree, whole: Extension) -> None:
    for size in range(1, 26):
        for index in range(size):
            proof = inclusion_plan(index, size).assemble(whole.node)
            for claimed_size in range(1, 34):
                for claimed in range(claimed_size):
                    root = rfc9162_inclusion(naive.leaves[index], claimed, claimed_size, proof)
                    if root is None:
                        with pytest.raises(InclusionError):
                            verify_inclusion(naive.leaves[index], claimed, claimed_size, proof, naive.root(0, size))
                    else:
                        verify_inclusion(naive.leaves[index], claimed, claimed_size, proof, root)


def test_the_steps_of_rfc_9162_agree_on_consistency_of_wrong_sizes(naive: NaiveTree, whole: Extension) -> None:
    for new in range(2, 20):
        for old in range(1, new):
            proof = consistency_plan(old, new).assemble(whole.node)
            old_root = naive.root(0, old)
            for claimed_new in range(2, 26):
                for claimed_old in range(1, claimed_new):
                    roots = rfc9162_consistency(claimed_old, claimed_new, old_root, proof)
                    if roots is None or roots[0] != old_root:
                        with pytest.raises(ConsistencyError):
                            verify_consistency(
                                claimed_old, old_root, claimed_new, roots[1] if roots else naive.root(0, new), proof
                            )
                    else:
                        verify_consistency(claimed_old, old_root, claimed_new, roots[1], proof)


@given(st.integers(1, MAX_TREE_SIZE), st.data())
def test_no_proof_is_longer_than_the_tree_is_deep(size: int, data: st.DataObject) -> None:
    assert len(inclusion_plan(data.draw(st.integers(0, size - 1)), size).groups) <= size.bit_length()
    assert len(consistency_plan(data.draw(st.integers(1, size)), size).groups) <= size.bit_length() + 1


def test_the_empty_tree_is_consistent_with_every_tree(naive: NaiveTree) -> None:
    assert consistency_plan(0, 5).groups == ()
    verify_consistency(0, EMPTY_ROOT, 5, naive.root(0, 5), ())
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, ())
    for case in (
        (0, OTHER, 5, naive.root(0, 5), ()),
        (0, EMPTY_ROOT, 5, naive.root(0, 5), (OTHER,)),
        (0, EMPTY_ROOT, 0, OTHER, ()),
    ):
        with pytest.raises(ConsistencyError):
            verify_consistency(*case)


def test_equal_sizes_need_equal_roots_and_no_hashes(naive: NaiveTree) -> None:
    root = naive.root(0, 7)
    verify_consistency(7, root, 7, root, ())
    for case in ((7, root, 7, OTHER, ()), (7, root, 7, root, (root,))):
        with pytest.raises(ConsistencyError):
            verify_consistency(*case)


def test_a_smaller_tree_extends_nothing(naive: NaiveTree) -> None:
    with pytest.raises(ConsistencyError):
        verify_consistency(8, naive.root(0, 8), 7, naive.root(0, 7), ())
    with pytest.raises(ValueError, match="does not extend"):
        consistency_plan(8, 7)


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0), (0, MAX_TREE_SIZE + 1)])
def test_an_entry_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(InclusionError):
        verify_inclusion(OTHER, index, size, (), OTHER)
    with pytest.raises(ValueError, match="tree"):
        inclusion_plan(index, size)


def test_hashes_of_another_length_are_refused(naive: NaiveTree) -> None:
    with pytest.raises(InclusionError, match="32 bytes"):
        verify_inclusion(naive.leaves[0], 0, 2, (b"\x00" * 31,), naive.root(0, 2))
    with pytest.raises(ConsistencyError, match="32 bytes"):
        verify_consistency(1, naive.root(0, 1), 2, naive.root(0, 2), (b"\x00" * 33,))


def test_a_storage_that_lacks_a_node_is_named() -> None:
    with pytest.raises(LookupError, match="level 2, index 1"):
        inclusion_plan(0, 8).assemble(lambda node: None if node == Node(2, 1) else OTHER)


def test_a_run_at_the_right_edge_is_covered_by_several_nodes() -> None:
    assert cover(8, 15) == (Node(2, 2), Node(1, 6), Node(0, 14))
