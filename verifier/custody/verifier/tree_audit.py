"""Checks 3 and 4 above the bundles: the tree grown from bundle roots, its roots at the wanted sizes, the upper tiles.

The hash of an inner node does not know how high it stands; so the tree over bundle roots is grown by the same code as
the tree over entries, and memory is one frontier and one unfinished tile a level.
"""

from collections.abc import Callable, Sequence
from typing import Final

from custody.core.tile import TILE_HEIGHT, TILE_WIDTH
from custody.core.tree import EMPTY_FRONTIER, Frontier, extend, root_from_peaks
from custody.verifier.finding import Finding, Findings

CHECK: Final = 4
ReadTile = Callable[[int, int], bytes | None]


class TreeAudit:
    """The tree so far; mutable, one owner."""

    def __init__(self, read_tile: ReadTile, findings: Findings) -> None:
        self._read_tile = read_tile
        self._findings = findings
        self._frontier = EMPTY_FRONTIER
        self._rows: list[list[bytes]] = []
        """Hashes of the unfinished tile of each level from 1 on."""
        self._finished: list[int] = []
        """How many tiles of each level from 1 on are finished."""

    @property
    def bundles(self) -> int:
        """How many full bundles were taken."""
        return self._frontier.size

    @property
    def frontier(self) -> Frontier:
        """Frontier of the tree over the full bundles."""
        return self._frontier

    def resume(self, frontier: Frontier) -> None:
        """Begins at the right edge of a tree that was audited before; its unfinished tiles must lead to its frontier."""
        self._frontier = frontier
        here, level = frontier.size, 1
        peaks: tuple[bytes, ...] = ()
        while here:
            width = here % TILE_WIDTH
            held = (self._read_tile(level, here >> TILE_HEIGHT) or b"")[: 32 * width]
            row = [held[at : at + 32].ljust(32, b"\0") for at in range(0, 32 * width, 32)]
            peaks = (*extend(EMPTY_FRONTIER, row).frontier.hashes, *peaks)
            self._rows.append(row)
            self._finished.append(here >> TILE_HEIGHT)
            here, level = here >> TILE_HEIGHT, level + 1
        if peaks != frontier.hashes:
            message = "the tiles at the edge of what was audited before do not lead to its root"
            self._findings.add(Finding("tile-mismatch", CHECK, message, index=frontier.size << TILE_HEIGHT))

    def root(self, peaks: Sequence[bytes] = ()) -> bytes:
        """Root of the full bundles and the `peaks` of an unfinished one behind them."""
        return root_from_peaks((*self._frontier.hashes, *peaks))

    def add(self, bundle_root: bytes) -> None:
        """Takes the root of the next full bundle."""
        self._frontier = extend(self._frontier, (bundle_root,)).frontier
        value, level = bundle_root, 1
        while True:
            if len(self._rows) < level:
                self._rows.append([])
                self._finished.append(0)
            row = self._rows[level - 1]
            row.append(value)
            if len(row) < TILE_WIDTH:
                return
            self._compare(level)
            value = extend(EMPTY_FRONTIER, row).root
            row.clear()
            self._finished[level - 1] += 1
            level += 1

    def finish(self) -> None:
        """Compares the unfinished tiles at the right edge."""
        for level, row in enumerate(self._rows, 1):
            if row:
                self._compare(level)

    def _compare(self, level: int) -> None:
        index = self._finished[level - 1]
        held = self._read_tile(level, index)
        first = index << TILE_HEIGHT * (level + 1)
        if held is None:
            self._findings.add(Finding("tile-missing", CHECK, f"tile {level}/{index} is not there", index=first))
        elif held != b"".join(self._rows[level - 1]):
            message = f"tile {level}/{index} does not hold the hashes of its entries"
            self._findings.add(Finding("tile-mismatch", CHECK, message, index=first))


def tiles_of(size: int) -> int:
    """How many tiles, partial ones included, a tree of this size has."""
    count = 0
    while size > 0:
        count += -(-size // TILE_WIDTH)
        size >>= TILE_HEIGHT
    return count
