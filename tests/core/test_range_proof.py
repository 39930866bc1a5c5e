"""Range proofs: every run in every tree of up to 64 entries, the edges of runs up to 300, and their mutations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.core.errors import InclusionError
from custody.core.range_proof import RangeProof, range_plan, root_from_range, verify_range
from custody.core.tree import EMPTY_FRONTIER, MAX_TREE_SIZE, Extension, extend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.core.conftest import NaiveTree

OTHER = b"\xee" * 32


@pytest.fixture(scope="module")
def whole(naive: NaiveTree) -> Extension:
    return extend(EMPTY_FRONTIER, naive.leaves[:300])


def expected(naive: NaiveTree, first: int, end: int, size: int) -> RangeProof:
    """The definition, by descending the recursive tree: maximal subtrees left of the run, and right of it."""

    def outside(low: int, high: int, start: int, stop: int) -> Iterator[bytes]:
        if start <= low and high <= stop:
            if low < high:
                yield naive.root(low, high)
        elif high > start and low < stop:
            power = 1
            while power * 2 < high - low:
                power *= 2
            yield from outside(low, low + power, start, stop)
            yield from outside(low + power, high, start, stop)

    # `first` peaks left: the decomposition of the tree of `first` entries, which the big tree shares.
    return RangeProof(left=tuple(outside(0, size, 0, first)), right=tuple(outside(0, size, end, size)))


def check(naive: NaiveTree, whole: Extension, first: int, end: int, size: int) -> RangeProof:
    plan = range_plan(first, end - first, size)
    assert all((index + 1) << level <= size for level, index in plan.nodes)
    proof = plan.assemble(whole.node)
    assert proof == expected(naive, first, end, size)
    verify_range(naive.leaves[first:end], first, size, proof, naive.root(0, size))
    return proof


def test_every_run_of_every_small_tree(naive: NaiveTree, whole: Extension) -> None:
    for size in range(1, 65):
        for first in range(size):
            for end in range(first + 1, size + 1):
                check(naive, whole, first, end, size)


def test_the_edges_of_runs_in_larger_trees(naive: NaiveTree, whole: Extension) -> None:
    for size in range(65, 301):
        marks = sorted({0, 1, 2, 63, 64, 65, 127, 128, 129, 255, 256, 257, size // 2, size - 2, size - 1, size})
        marks = [mark for mark in marks if mark <= size]
        for first in marks:
            for end in marks:
                if first < end:
                    check(naive, whole, first, end, size)


def test_a_run_of_one_is_an_inclusion_proof(naive: NaiveTree, whole: Extension) -> None:
    for size in (1, 2, 5, 8, 37, 300):
        for index in range(size):
            proof = range_plan(index, 1, size).assemble(whole.node)
            assert sorted((*proof.left, *proof.right)) == sorted(naive.path(index, 0, size))


def test_the_batch_that_was_just_appended_proves_itself(naive: NaiveTree) -> None:
    """What a receipt is made of: only the extension is at hand, not the whole tree."""
    for old in range(0, 150, 11):
        for count in (1, 2, 5, 64, 150):
            extension = extend(extend(EMPTY_FRONTIER, naive.leaves[:old]).frontier, naive.leaves[old : old + count])
            for first in range(old, old + count, 7):
                for end in (first + 1, old + count):
                    proof = range_plan(first, end - first, old + count).assemble(extension.node)
                    verify_range(naive.leaves[first:end], first, old + count, proof, extension.root)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_range_is_refused(naive: NaiveTree, whole: Extension, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 300))
    first = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(first + 1, min(size, first + 40)))
    leaves, root = naive.leaves[first:end], naive.root(0, size)
    proof = check(naive, whole, first, end, size)
    wrong: list[tuple[list[bytes], int, int, RangeProof, bytes]] = [
        (leaves[1:], first, size, proof, root),
        ([*leaves, OTHER], first, size, proof, root),
        (leaves, first + 1, size, proof, root),
        (leaves, first, size, proof, OTHER),
        (leaves, first, size, replace(proof, left=(*proof.left, OTHER)), root),
        (leaves, first, size, replace(proof, right=(*proof.right, OTHER)), root),
        (leaves, first, size, RangeProof(left=proof.right, right=proof.left), OTHER),
    ]
    for side in ("left", "right"):
        hashes = getattr(proof, side)
        for at in range(len(hashes)):
            changed, shorter = (*hashes[:at], OTHER, *hashes[at + 1 :]), (*hashes[:at], *hashes[at + 1 :])
            wrong += [(leaves, first, size, replace(proof, **{side: value}), root) for value in (changed, shorter)]
    wrong += [([*leaves[:at], OTHER, *leaves[at + 1 :]], first, size, proof, root) for at in range(len(leaves))]
    for case in wrong:
        with pytest.raises(InclusionError):
            verify_range(*case)


@pytest.mark.parametrize(
    ("count", "first", "size"), [(0, 0, 4), (1, -1, 4), (1, 4, 4), (5, 0, 4), (1, 0, MAX_TREE_SIZE + 1)]
)
def test_a_run_outside_the_tree_is_refused(count: int, first: int, size: int) -> None:
    with pytest.raises(InclusionError):
        root_from_range([OTHER] * count, first, size, RangeProof(left=(), right=()))
    with pytest.raises(ValueError, match="tree"):
        range_plan(first, count, size)


def test_hashes_of_another_length_are_refused(naive: NaiveTree) -> None:
    good = naive.leaves[0]
    for leaves, proof in (
        ([good[:31]], RangeProof(left=(), right=(good,))),
        ([good], RangeProof(left=(), right=(good[:31],))),
    ):
        with pytest.raises(InclusionError, match="32 bytes"):
            verify_range(leaves, 0, 2, proof, naive.root(0, 2))


@given(st.integers(1, MAX_TREE_SIZE), st.data())
def test_a_range_proof_is_small_in_any_tree(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, size - 1))
    plan = range_plan(first, data.draw(st.integers(1, size - first)), size)
    assert len(plan.left.groups) <= size.bit_length()
    assert len(plan.right.groups) <= size.bit_length()
