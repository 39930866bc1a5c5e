"""How a proof is built without knowing where hashes are stored: first plan, then assemble.

Every hash of a proof is the root of some run of entries. Inside the tree such a run is a complete subtree; at the right
edge it may be several complete subtrees folded into one. A `Plan` names them all, so that a caller can fetch them in any
way (one query, many tiles, memory) and then assemble the proof in pure code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from custody.core.tree import Node, peaks, root_from_peaks


class Sibling(NamedTuple):
    """A subtree beside the way from a node up to the root: entries [start, end)."""

    start: int
    end: int
    on_right: bool


def siblings(entry: int, size: int, arrived: Callable[[int, int], bool]) -> list[Sibling]:
    """What stands beside the way from a node above `entry` up to the root of a tree of `size` entries, lowest first.

    The way is RFC 6962's decomposition (section 2.1): a subtree of n > 1 entries splits at the largest power of two below
    n. It starts at the first node, seen from the root, for whose entries [start, end) `arrived(start, end)` holds; that
    must be so for the single entry at the latest.
    """
    found: list[Sibling] = []
    start, end = 0, size
    while not arrived(start, end):
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if entry < middle:
            found.append(Sibling(middle, end, on_right=True))
            end = middle
        else:
            found.append(Sibling(start, middle, on_right=False))
            start = middle
    found.reverse()
    return found


def cover(start: int, end: int) -> tuple[Node, ...]:
    """Complete subtrees that cover entries [start, end), left to right.

    `start` must be a multiple of every subtree that the run's length needs, as it is for every node of the tree.
    """
    length = end - start
    if length > 0 and length & (length - 1) == 0:  # one complete subtree: so it is nearly everywhere inside the tree
        level = length.bit_length() - 1
        return (Node(level, start >> level),)
    return tuple(Node(level, (start >> level) + index) for level, index in peaks(length))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The hashes of a proof in order; each is folded from the complete nodes of one group."""

    groups: tuple[tuple[Node, ...], ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every complete node that `assemble` will read."""
        return tuple(node for group in self.groups for node in group)

    def assemble(self, read: Callable[[Node], bytes | None]) -> tuple[bytes, ...]:
        """Build the proof; `read` returns the hash of each node of `nodes`.

        Raises LookupError when `read` answers None: the storage lacks a node that a tree of this size must have.
        """
        return tuple(root_from_peaks([_present(read, node) for node in group]) for group in self.groups)


def _present(read: Callable[[Node], bytes | None], node: Node) -> bytes:
    value = read(node)
    if value is None:
        raise LookupError(f"no hash for the complete node at level {node.level}, index {node.index}")
    return value
