"""The Merkle tree of RFC 6962 section 2.1, grown batch by batch.

A *complete* node is the root of a full subtree; `Node(level, index)` covers the entries
[index << level, (index + 1) << level). Complete nodes never change once they exist, so they are what storage keeps.
The complete subtrees that cover a tree of some size from left to right are its *peaks*; their hashes are the whole
state that growth needs (`Frontier`).

Rules here: no storage, no I/O, sizes are counts of entries, every hash is 32 bytes. A batch is hashed level by level in
one tight loop per level, because that loop is the cost of the whole ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from custody.core.hashing import EMPTY_ROOT, HASH_BYTES, NODE_PREFIX

MAX_TREE_SIZE: Final = (1 << 63) - 1
"""Largest tree size accepted anywhere: fits the signed 64-bit integers of databases and of other implementations."""


class Node(NamedTuple):
    """Name of a complete subtree: covers entries [index << level, (index + 1) << level)."""

    level: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here


def check_size(size: int) -> None:
    """Raise ValueError unless `size` is a possible tree size."""
    if not 0 <= size <= MAX_TREE_SIZE:
        raise ValueError(f"tree size {size} is not between 0 and {MAX_TREE_SIZE}")


def peaks(size: int) -> list[Node]:
    """Complete subtrees that cover a tree of `size` entries, left to right (largest first)."""
    check_size(size)
    return [Node(level, (size >> level) - 1) for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]


def root_from_peaks(hashes: Sequence[bytes]) -> bytes:
    """Fold the hashes of neighbouring peaks (left to right) into one root; no peaks give `EMPTY_ROOT`."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = sha256(NODE_PREFIX + left + root).digest()
    return root


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """Everything that a tree of `size` entries needs in order to grow: the hashes of `peaks(size)`, left to right.

    Raises ValueError when the hashes are not as many as the size has peaks, or not 32 bytes each.
    """

    size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        check_size(self.size)
        if len(self.hashes) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} entries has {self.size.bit_count()} peaks, not {len(self.hashes)}")
        for value in self.hashes:
            if len(value) != HASH_BYTES:
                raise ValueError(f"a peak hash has {HASH_BYTES} bytes, not {len(value)}")

    def root(self) -> bytes:
        """Root hash of the tree of this size."""
        return root_from_peaks(self.hashes)


EMPTY_FRONTIER: Final = Frontier(size=0, hashes=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """The result of appending a batch of leaves to a tree.

    `rows[level]` holds the hashes of all new complete nodes of that level in order; the first of them has index
    `starts[level]`. There are no rows above the highest level that gained a node.
    """

    old: Frontier
    frontier: Frontier
    starts: tuple[int, ...]
    rows: tuple[Sequence[bytes], ...]

    @property
    def root(self) -> bytes:
        """Root hash of the grown tree (a few hashes; keep it rather than asking twice)."""
        return self.frontier.root()

    def row(self, level: int) -> Sequence[bytes]:
        """Hashes of the new complete nodes of `level`, from index `old.size >> level` on; empty when there are none."""
        return self.rows[level] if level < len(self.rows) else ()

    def node(self, node: Node) -> bytes | None:
        """Hash of a new complete node or of a peak of the old tree; None for every other node.

        That is enough for the range proof of any part of this batch and for the consistency proof from the old size.
        """
        level, index = node
        if level < len(self.rows):
            offset = index - self.starts[level]
            row = self.rows[level]
            if 0 <= offset < len(row):
                return row[offset]
        if self.old.size >> level & 1 and index == (self.old.size >> level) - 1:
            return self.old.hashes[(self.old.size >> level + 1).bit_count()]
        return None


def extend(frontier: Frontier, leaf_hashes: Sequence[bytes]) -> Extension:
    """Append `leaf_hashes` (32 bytes each) to the tree that `frontier` describes.

    Raises ValueError when the tree would grow beyond `MAX_TREE_SIZE` or a leaf hash is not 32 bytes.
    """
    old_size = frontier.size
    new_size = old_size + len(leaf_hashes)
    check_size(new_size)
    if set(map(len, leaf_hashes)) - {HASH_BYTES}:
        raise ValueError(f"a leaf hash has {HASH_BYTES} bytes")

    sha, prefix = sha256, NODE_PREFIX
    rows: list[Sequence[bytes]] = []
    waiting = len(frontier.hashes)  # old peaks not yet consumed; the lowest one is the last
    row: Sequence[bytes] = leaf_hashes
    level = 0
    while row:
        rows.append(row)
        if old_size >> level & 1:  # the old peak of this level is the left sibling of the first new node
            waiting -= 1
            row = [frontier.hashes[waiting], *row]
        children = iter(row)
        row = [sha(prefix + left + right).digest() for left, right in zip(children, children, strict=False)]
        level += 1

    starts = tuple(old_size >> level for level in range(len(rows)))
    # Above the highest row nothing changed, so those peaks are the old ones; below, a peak is the last node of its row.
    kept = frontier.hashes[: (old_size >> len(rows)).bit_count()]
    grown = tuple(rows[level][-1] for level in range(len(rows) - 1, -1, -1) if new_size >> level & 1)
    return Extension(
        old=frontier,
        frontier=Frontier(size=new_size, hashes=kept + grown),
        starts=starts,
        rows=tuple(rows),
    )
