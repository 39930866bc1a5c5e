"""The tree against a naive one, and against published figures."""

from __future__ import annotations

import random
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.core.hashing import EMPTY_ROOT, leaf_hash, node_hash
from custody.core.proof import consistency_plan, inclusion_plan, verify_consistency, verify_inclusion
from custody.core.range_proof import range_plan, verify_range
from custody.core.tree import EMPTY_FRONTIER, MAX_TREE_SIZE, Frontier, Node, extend, peaks

if TYPE_CHECKING:
    from tests.core.conftest import NaiveTree

# Leaves and roots that the Certificate Transparency projects publish for RFC 6962 trees of 1 to 8 entries.
CT_LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243")] + [
    bytes(range(0x50, 0x58)),
    bytes(range(0x60, 0x70)),
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_published_roots() -> None:
    leaves = [leaf_hash(entry) for entry in CT_LEAVES]
    for size, root in enumerate(CT_ROOTS, start=1):
        assert extend(EMPTY_FRONTIER, leaves[:size]).root.hex() == root


def test_the_empty_tree() -> None:
    assert EMPTY_FRONTIER.root() == EMPTY_ROOT == sha256(b"").digest()
    nothing = extend(EMPTY_FRONTIER, [])
    assert (nothing.frontier, nothing.rows, nothing.root) == (EMPTY_FRONTIER, (), EMPTY_ROOT)


def test_appending_nothing_changes_nothing(naive: NaiveTree) -> None:
    grown = extend(EMPTY_FRONTIER, naive.leaves[:77]).frontier
    assert extend(grown, []).frontier == grown


@given(st.lists(st.integers(0, 90), max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_batches_give_the_tree_of_all_leaves(naive: NaiveTree, batches: list[int]) -> None:
    frontier = EMPTY_FRONTIER
    size = 0
    for count in batches:
        if size + count > len(naive.leaves):
            break
        extension = extend(frontier, naive.leaves[size : size + count])
        _check_every_node(naive, extension, size, size + count)
        frontier, size = extension.frontier, size + count
        assert frontier.size == size
        assert frontier.root() == extension.root == naive.root(0, size)


def _check_every_node(naive: NaiveTree, extension: object, old_size: int, new_size: int) -> None:
    from custody.core.tree import Extension

    assert isinstance(extension, Extension)
    for level in range(11):
        for index in range((new_size >> level) + 2):
            low, high = index << level, (index + 1) << level
            found = extension.node(Node(level, index))
            if old_size < high <= new_size or Node(level, index) in peaks(old_size):
                assert found == naive.root(low, high)
            else:
                assert found is None
        assert list(extension.row(level)) == [
            naive.root(index << level, (index + 1) << level) for index in range(old_size >> level, new_size >> level)
        ]


@given(st.integers(0, MAX_TREE_SIZE))
def test_peaks_cover_the_tree_without_gaps(size: int) -> None:
    end = 0
    for level, index in peaks(size):
        assert index << level == end
        end = (index + 1) << level
    assert end == size
    assert len(peaks(size)) == size.bit_count()


@pytest.mark.parametrize("size", [-1, MAX_TREE_SIZE + 1])
def test_an_impossible_size_is_a_misuse(size: int) -> None:
    with pytest.raises(ValueError, match="tree size"):
        peaks(size)


def test_a_frontier_must_fit_its_size() -> None:
    with pytest.raises(ValueError, match="peaks"):
        Frontier(size=3, hashes=(bytes(32),))
    with pytest.raises(ValueError, match="32 bytes"):
        Frontier(size=1, hashes=(bytes(31),))


def test_a_leaf_hash_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        extend(EMPTY_FRONTIER, [bytes(32), bytes(33)])


def test_the_tree_cannot_outgrow_its_largest_size() -> None:
    full = Frontier(size=MAX_TREE_SIZE, hashes=(bytes(32),) * 63)
    with pytest.raises(ValueError, match="tree size"):
        extend(full, [bytes(32)])


def test_a_tree_near_the_largest_size_grows_by_the_rules() -> None:
    """Far from anything that can be built in full: growth from given peaks, checked by folding by hand."""
    low = [sha256(b"%d" % number).digest() for number in range(4)]
    grown = extend(Frontier(size=(1 << 61) + 3, hashes=(low[0], low[1], low[2])), [low[3]])
    folded = node_hash(low[0], node_hash(low[1], node_hash(low[2], low[3])))
    assert grown.frontier.hashes == (low[0], node_hash(low[1], node_hash(low[2], low[3])))
    assert grown.root == folded


def test_accumulated() -> None:
    """A seeded stream of batches, roots and proofs, folded into one digest that must never change."""
    chance = random.Random(6962)
    leaves = [leaf_hash(chance.randbytes(chance.randrange(64))) for _ in range(5000)]
    whole = extend(EMPTY_FRONTIER, leaves)
    digest = sha256()
    frontier = EMPTY_FRONTIER
    while frontier.size < len(leaves):
        count = min(chance.choice((0, 1, 2, 3, 16, 255, 256, 257)), len(leaves) - frontier.size)
        old, frontier = frontier, extend(frontier, leaves[frontier.size : frontier.size + count]).frontier
        digest.update(frontier.root())
        for size in sorted({old.size, frontier.size} - {0}):
            root = extend(EMPTY_FRONTIER, leaves[:size]).root
            index = chance.randrange(size)
            inclusion = inclusion_plan(index, size).assemble(whole.node)
            verify_inclusion(leaves[index], index, size, inclusion, root)
            span = range_plan(index, chance.randint(1, size - index), size).assemble(whole.node)
            digest.update(b"".join((*inclusion, *span.left, *span.right)))
        consistency = consistency_plan(old.size, frontier.size).assemble(whole.node)
        verify_consistency(old.size, old.root(), frontier.size, frontier.root(), consistency)
        digest.update(b"".join(consistency))
        if count:
            proof = range_plan(old.size, count, frontier.size).assemble(whole.node)
            verify_range(leaves[old.size : frontier.size], old.size, frontier.size, proof, frontier.root())
    assert digest.hexdigest() == "0cef752a6cac58fb04a87e8010ff0cdefc97b73426d8ee825a679451c00762dc"
