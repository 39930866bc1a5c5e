"""Tiles of the Merkle tree: C2SP tlog-tiles.

A tile holds up to 256 neighbouring hashes of one tree level that is a multiple of 8. Hash `i` of tile (level, index) is
the complete node at tree level 8 * level, index 256 * index + i; the seven levels between are recomputed from it. A tile
with fewer than 256 hashes is partial and grows; a full one never changes.

Rules here: a tile's content is the plain concatenation of its 32-byte hashes; `width` counts hashes (1 to 256).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from custody.core.errors import MalformedError
from custody.core.hashing import HASH_BYTES, parents
from custody.core.tree import MAX_TREE_SIZE, Extension, Frontier, Node, check_size, peaks

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
MAX_TILE_LEVEL: Final = 63
"""Highest level that the path syntax allows; a tree of `MAX_TREE_SIZE` entries stays below level 8."""
MAX_TILE_INDEX: Final = MAX_TREE_SIZE // TILE_WIDTH
"""Highest index of a level 0 tile or an entry bundle in the largest tree."""

_PATH: Final = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


class TileId(NamedTuple):
    """A tile at one width; `level` counts tile levels (8 tree levels each)."""

    level: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    width: int

    @property
    def path(self) -> str:
        """The tile's path below the log's prefix."""
        return tile_path(self.level, self.index, self.width)


class BundleId(NamedTuple):
    """An entry bundle at one width."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    width: int

    @property
    def path(self) -> str:
        """The bundle's path below the log's prefix."""
        return entries_path(self.index, self.width)


class TileSlot(NamedTuple):
    """Where a complete node is found: in which tile, how many levels above its hashes, and which node of that level."""

    level: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    level_in_tile: int
    offset: int


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Path of a hash tile, such as `tile/0/x001/x234/067` or `tile/1/000.p/5`.

    Raises ValueError for a level, index or width that no tile has.
    """
    if not 0 <= level <= MAX_TILE_LEVEL:
        raise ValueError(f"tile level {level} is not between 0 and {MAX_TILE_LEVEL}")
    return f"tile/{level}/{_index_path(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Path of an entry bundle, such as `tile/entries/x001/234` or `tile/entries/000.p/5`.

    Raises ValueError for an index or width that no bundle has.
    """
    return f"tile/entries/{_index_path(index, width)}"


def _index_path(index: int, width: int) -> str:
    if not 0 <= index <= MAX_TILE_INDEX:
        raise ValueError(f"tile index {index} is not between 0 and {MAX_TILE_INDEX}")
    if not 1 <= width <= TILE_WIDTH:
        raise ValueError(f"tile width {width} is not between 1 and {TILE_WIDTH}")
    path = f"{index % 1000:03d}"
    while index := index // 1000:
        path = f"x{index % 1000:03d}/{path}"
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def parse_tile_path(path: str) -> TileId:
    """Read the path of a hash tile (without a leading slash). Raises MalformedError `tile-path-malformed`."""
    level, index, width = _parse_path(path)
    if level == "entries":
        raise MalformedError("this is the path of an entry bundle, not of a tile", code="tile-path-malformed")
    if int(level) > MAX_TILE_LEVEL:
        raise MalformedError(f"tile level {level} is above {MAX_TILE_LEVEL}", code="tile-path-malformed")
    return TileId(int(level), index, width)


def parse_entries_path(path: str) -> BundleId:
    """Read the path of an entry bundle (without a leading slash). Raises MalformedError `tile-path-malformed`."""
    level, index, width = _parse_path(path)
    if level != "entries":
        raise MalformedError("this is the path of a tile, not of an entry bundle", code="tile-path-malformed")
    return BundleId(index, width)


def _parse_path(path: str) -> tuple[str, int, int]:
    match = _PATH.fullmatch(path)
    if match is None:
        raise MalformedError(f"not a tile path: {path[:64]!r}", code="tile-path-malformed")
    index = int(match["index"].replace("x", "").replace("/", ""))
    width = int(match["width"] or TILE_WIDTH)
    if index > MAX_TILE_INDEX or (match["width"] and width >= TILE_WIDTH):
        raise MalformedError(f"no tile has this index or width: {path!r}", code="tile-path-malformed")
    if not path.startswith(f"tile/{match['level']}/{_index_path(index, TILE_WIDTH)}"):  # x000/001 is 001 misspelt
        raise MalformedError(f"the tile index has needless zeroes: {path!r}", code="tile-path-malformed")
    return match["level"], index, width


def tile_width(level: int, index: int, size: int) -> int:
    """Hashes in tile (level, index) of a tree of `size` entries; 0 when that tree has no such tile."""
    check_size(size)
    return min(TILE_WIDTH, max(0, (size >> TILE_HEIGHT * level) - TILE_WIDTH * index))


def new_tiles(old_size: int, new_size: int) -> Iterator[TileId]:
    """Every tile that exists at `new_size` and not, or not as wide, at `old_size`; by level, then by index.

    Raises ValueError unless 0 <= old_size <= new_size.
    """
    check_size(new_size)
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {new_size} entries does not extend one of {old_size}")
    level = 0
    while (new_hashes := new_size >> TILE_HEIGHT * level) > (old_hashes := old_size >> TILE_HEIGHT * level):
        for index in range(old_hashes // TILE_WIDTH, (new_hashes - 1) // TILE_WIDTH + 1):
            yield TileId(level, index, min(TILE_WIDTH, new_hashes - TILE_WIDTH * index))
        level += 1


def new_bundles(old_size: int, new_size: int) -> Iterator[BundleId]:
    """Every entry bundle that exists at `new_size` and not, or not as wide, at `old_size`."""
    return (BundleId(index, width) for level, index, width in new_tiles(old_size, new_size) if level == 0)


def right_edge(size: int) -> Iterator[TileId]:
    """The partial tiles of a tree of `size` entries, lowest level first: at most one a level."""
    check_size(size)
    level = 0
    while hashes := size >> TILE_HEIGHT * level:
        if hashes % TILE_WIDTH:
            yield TileId(level, hashes // TILE_WIDTH, hashes % TILE_WIDTH)
        level += 1


def tile_for_node(node: Node) -> TileSlot:
    """The tile that a complete node is read or computed from."""
    level, level_in_tile = divmod(node.level, TILE_HEIGHT)
    index, offset = divmod(node.index, TILE_WIDTH >> level_in_tile)
    return TileSlot(level, index, level_in_tile, offset)


def node_from_tile(tile_hashes: bytes, level_in_tile: int, offset: int) -> bytes:
    """Hash of node `offset`, `level_in_tile` levels above the hashes of a tile (0 is the hashes themselves).

    Raises ValueError for a place that no tile has, MalformedError `tile-malformed` when the tile is too narrow for it.
    """
    if not 0 <= level_in_tile <= TILE_HEIGHT or not 0 <= offset < TILE_WIDTH >> level_in_tile:
        raise ValueError(f"no tile has node {offset} at {level_in_tile} levels above its hashes")
    start = offset * HASH_BYTES << level_in_tile
    end = start + (HASH_BYTES << level_in_tile)
    if len(tile_hashes) < end:
        raise MalformedError(
            f"a tile of {len(tile_hashes)} bytes is too narrow for node {offset} of level {level_in_tile}",
            code="tile-malformed",
        )
    return rows_from_tile(tile_hashes[start:end], level_in_tile)[-1]


def rows_from_tile(tile_hashes: bytes, levels: int) -> list[bytes]:
    """The complete nodes of a tile in rows, each row the concatenation of its hashes: row 0 is the tile itself, row 1 the
    nodes one level above its hashes, and so on up to `levels` above. For whoever needs many nodes of one tile.

    Raises ValueError for more levels than a tile has, MalformedError `tile-malformed` when it is no row of hashes.
    """
    if not 0 <= levels <= TILE_HEIGHT:
        raise ValueError(f"a tile has {TILE_HEIGHT} levels above its hashes, not {levels}")
    if len(tile_hashes) % HASH_BYTES:
        raise MalformedError(f"a tile of {len(tile_hashes)} bytes is no row of hashes", code="tile-malformed")
    rows = [tile_hashes]
    for _ in range(levels):
        rows.append(parents(rows[-1]))
    return rows


def nodes_from_tile(tile_hashes: bytes, slots: Sequence[TileSlot]) -> list[bytes]:
    """`node_from_tile` of many nodes of one tile, in the order of `slots` and with as few hashes as can be. Raises as it does."""
    one_by_one = sum((1 << slot.level_in_tile) - 1 for slot in slots)
    levels = max((slot.level_in_tile for slot in slots), default=0)
    if one_by_one < TILE_WIDTH - (TILE_WIDTH >> levels):  # the hashes of all rows
        return [node_from_tile(tile_hashes, slot.level_in_tile, slot.offset) for slot in slots]
    rows = rows_from_tile(tile_hashes, levels)
    return [node_from_tile(rows[slot.level_in_tile], 0, slot.offset) for slot in slots]


def read_node(node: Node, read_tile: Callable[[int, int], bytes]) -> bytes:
    """Hash of a complete node; `read_tile(level, index)` returns the content of a tile at any sufficient width."""
    slot = tile_for_node(node)
    return node_from_tile(read_tile(slot.level, slot.index), slot.level_in_tile, slot.offset)


def frontier_from_edge(size: int, edge: Mapping[tuple[int, int], bytes]) -> Frontier:
    """The frontier of a tree of `size` entries, computed from its partial tiles (see `right_edge`).

    `edge` maps (level, index) to content. Raises MalformedError `tile-malformed` when one is missing or has another
    width than the size says. Whoever loads state compares the frontier's root with a checkpoint.
    """
    for level, index, width in right_edge(size):
        _check_width(edge.get((level, index), b""), level, index, width)
    return Frontier(
        size=size, hashes=tuple(read_node(node, lambda level, index: edge[level, index]) for node in peaks(size))
    )


def extend_tiles(edge: Mapping[tuple[int, int], bytes], extension: Extension) -> dict[tuple[int, int], bytes]:
    """The full new content of every tile that a batch touches, keyed (level, index): what the store writes.

    `edge` holds the partial tiles of the old tree. Raises MalformedError `tile-malformed` when one that grows is missing
    from it or does not have the width that the old size says.
    """
    tiles: dict[tuple[int, int], bytes] = {}
    level = 0
    while row := extension.row(TILE_HEIGHT * level):
        index, width = divmod(extension.starts[TILE_HEIGHT * level], TILE_WIDTH)
        begun = edge.get((level, index), b"") if width else b""
        _check_width(begun, level, index, width)
        content = begun + b"".join(row)
        for at in range(0, len(content), TILE_WIDTH * HASH_BYTES):
            tiles[level, index] = content[at : at + TILE_WIDTH * HASH_BYTES]
            index += 1
        level += 1
    return tiles


def next_edge(
    edge: Mapping[tuple[int, int], bytes], extension: Extension, tiles: Mapping[tuple[int, int], bytes]
) -> dict[tuple[int, int], bytes]:
    """The partial tiles of the grown tree, given the old ones and what `extend_tiles` returned."""
    return {
        (level, index): tiles.get((level, index)) or edge[level, index]
        for level, index, _ in right_edge(extension.frontier.size)
    }


def _check_width(content: bytes, level: int, index: int, width: int) -> None:
    if len(content) != width * HASH_BYTES:
        raise MalformedError(
            f"tile {level}/{index} has {len(content)} bytes, but its tree needs {width * HASH_BYTES}",
            code="tile-malformed",
        )
