"""Tiles and entry bundles: C2SP tlog-tiles, its own examples first."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.core.bundle import decode_bundle, encode_bundle
from custody.core.errors import MalformedError
from custody.core.hashing import leaf_hash
from custody.core.tile import (
    MAX_TILE_INDEX,
    MAX_TILE_LEVEL,
    TILE_WIDTH,
    BundleId,
    TileId,
    TileSlot,
    entries_path,
    extend_tiles,
    frontier_from_edge,
    new_bundles,
    new_tiles,
    next_edge,
    node_from_tile,
    nodes_from_tile,
    parse_entries_path,
    parse_tile_path,
    read_node,
    right_edge,
    rows_from_tile,
    tile_for_node,
    tile_path,
    tile_width,
)
from custody.core.tree import EMPTY_FRONTIER, Node, extend, peaks

if TYPE_CHECKING:
    from custody.core.tree import Extension

SPECIFIED = 70_000
"""The specification's example: 273 full level 0 tiles and so on."""


@pytest.fixture(scope="module")
def leaves() -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(SPECIFIED)]


@pytest.fixture(scope="module")
def whole(leaves: list[bytes]) -> Extension:
    return extend(EMPTY_FRONTIER, leaves)


def test_the_path_of_the_specification() -> None:
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert entries_path(1_234_067) == "tile/entries/x001/x234/067"


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("tile/0/000", TileId(0, 0, 256)),
        ("tile/0/999", TileId(0, 999, 256)),
        ("tile/0/x001/000", TileId(0, 1000, 256)),
        ("tile/63/x001/x234/067.p/1", TileId(63, 1_234_067, 1)),
        ("tile/1/x001/000.p/255", TileId(1, 1000, 255)),
        (f"tile/0/x036/x028/x797/x018/x963/{MAX_TILE_INDEX % 1000:03d}", TileId(0, MAX_TILE_INDEX, 256)),
    ],
)
def test_tile_paths(path: str, tile: TileId) -> None:
    assert parse_tile_path(path) == tile
    assert tile.path == path


def test_bundle_paths() -> None:
    assert parse_entries_path("tile/entries/x001/234.p/7") == BundleId(1234, 7)
    assert BundleId(1234, 7).path == "tile/entries/x001/234.p/7"


@given(st.integers(0, MAX_TILE_LEVEL), st.integers(0, MAX_TILE_INDEX), st.integers(1, TILE_WIDTH))
def test_paths_and_tiles_are_one_to_one(level: int, index: int, width: int) -> None:
    assert parse_tile_path(tile_path(level, index, width)) == (level, index, width)
    assert parse_entries_path(entries_path(index, width)) == (index, width)


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, MAX_TILE_INDEX + 1, 1), (0, 0, 0), (0, 0, 257)],
)
def test_no_path_for_what_is_no_tile(level: int, index: int, width: int) -> None:
    with pytest.raises(ValueError, match="tile"):
        tile_path(level, index, width)


def test_the_tiles_of_the_specified_tree() -> None:
    tiles = list(new_tiles(0, SPECIFIED))
    assert [tile for tile in tiles if tile.width < 256 or tile.level > 0] == [
        TileId(0, 273, 112),
        TileId(1, 0, 256),
        TileId(1, 1, 17),
        TileId(2, 0, 1),
    ]
    assert len(tiles) == 273 + 4
    assert list(right_edge(SPECIFIED)) == [TileId(0, 273, 112), TileId(1, 1, 17), TileId(2, 0, 1)]
    assert len(list(new_bundles(0, SPECIFIED))) == 274


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above() -> None:
    assert list(new_tiles(0, 256)) == [TileId(0, 0, 256), TileId(1, 0, 1)]
    assert list(right_edge(256)) == [TileId(1, 0, 1)]


def test_the_empty_tree_has_no_tiles() -> None:
    assert (list(new_tiles(0, 0)), list(right_edge(0)), list(new_tiles(300, 300))) == ([], [], [])


@given(st.integers(0, 1 << 40), st.integers(0, 3000))
def test_new_tiles_are_those_that_grew(old: int, count: int) -> None:
    new = old + count
    found = list(new_tiles(old, new))
    for level, index, width in found:
        assert width == tile_width(level, index, new) > tile_width(level, index, old)
    for level in range(8):
        # the tiles beside the listed ones did not grow
        indices = [tile.index for tile in found if tile.level == level]
        for index in {min(indices) - 1, max(indices) + 1} if indices else {old >> (8 * level + 8)}:
            if index >= 0:
                assert tile_width(level, index, old) == tile_width(level, index, new)
        assert indices == sorted(set(indices))


@given(st.integers(0, (1 << 63) - 1), st.integers(0, 7))
def test_the_partial_tile_is_as_wide_as_the_specification_says(size: int, level: int) -> None:
    index = size // 256 ** (level + 1)
    assert tile_width(level, index, size) == size // 256**level % 256


def test_tiles_grown_in_batches_are_the_tiles_of_the_whole_tree(leaves: list[bytes], whole: Extension) -> None:
    """Batches that stop at, before and behind the powers of 256; after each the edge alone gives the root."""
    tiles: dict[tuple[int, int], bytes] = {}
    edge: dict[tuple[int, int], bytes] = {}
    frontier = EMPTY_FRONTIER
    stops = (0, 1, 2, 255, 256, 257, 511, 512, 700, 1000, 65_279, 65_280, 65_535, 65_536, 65_537, 65_793, SPECIFIED)
    for stop in stops:
        extension = extend(frontier, leaves[frontier.size : stop])
        grown = extend_tiles(edge, extension)
        assert {(level, index): width for level, index, width in new_tiles(frontier.size, stop)} == {
            place: len(content) // 32 for place, content in grown.items()
        }
        edge = next_edge(edge, extension, grown)
        tiles.update(grown)
        frontier = extension.frontier
        assert [(*place, len(content) // 32) for place, content in edge.items()] == list(right_edge(stop))
        assert frontier_from_edge(stop, edge) == frontier
    assert tiles == extend_tiles({}, whole)
    assert tiles[0, 273] == b"".join(leaves[273 * 256 :])
    assert tiles[1, 0][:32] == extend(EMPTY_FRONTIER, leaves[:256]).root
    assert tiles[2, 0] == extend(EMPTY_FRONTIER, leaves[:65_536]).root


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=6))
def test_any_batches_give_the_same_tiles(leaves: list[bytes], batches: list[int]) -> None:
    edge: dict[tuple[int, int], bytes] = {}
    tiles: dict[tuple[int, int], bytes] = {}
    frontier = EMPTY_FRONTIER
    for count in batches:
        extension = extend(frontier, leaves[frontier.size : frontier.size + count])
        grown = extend_tiles(edge, extension)
        edge = next_edge(edge, extension, grown)
        tiles.update(grown)
        frontier = extension.frontier
    assert tiles == extend_tiles({}, extend(EMPTY_FRONTIER, leaves[: sum(batches)]))


def test_every_node_is_read_from_its_tile(whole: Extension) -> None:
    tiles = extend_tiles({}, whole)
    for level in range(17):
        last = (SPECIFIED >> level) - 1
        for index in {0, 1, last // 2, last - 1, last} & set(range(last + 1)):
            assert read_node(Node(level, index), lambda level, index: tiles[level, index]) == whole.node(
                Node(level, index)
            )


def test_where_a_node_is_found() -> None:
    assert tile_for_node(Node(0, 300)) == (0, 1, 0, 44)
    assert tile_for_node(Node(7, 3)) == (0, 1, 7, 1)
    assert tile_for_node(Node(8, 3)) == (1, 0, 0, 3)
    assert tile_for_node(Node(17, 129)) == (2, 1, 1, 1)


def test_a_full_tile_is_one_node_of_the_level_above(whole: Extension) -> None:
    tiles = extend_tiles({}, whole)
    assert node_from_tile(tiles[0, 5], 8, 0) == tiles[1, 0][5 * 32 : 6 * 32]


@pytest.mark.parametrize("width", [1, 2, 3, 85, 128, 255, 256])
def test_rows_of_a_tile_are_its_nodes(whole: Extension, width: int) -> None:
    tile = extend_tiles({}, whole)[0, 5][: width * 32]
    rows = rows_from_tile(tile, 8)
    assert [len(row) // 32 for row in rows] == [width >> level for level in range(9)]
    for level, row in enumerate(rows):
        for offset in range(width >> level):
            assert row[offset * 32 : offset * 32 + 32] == node_from_tile(tile, level, offset)


@pytest.mark.parametrize("levels", [[0], [0, 0, 1], [3, 3], [0, 1, 2, 3, 4, 5, 6, 7], [8], [7, 7, 6]])
def test_many_nodes_of_a_tile_are_each_of_them(whole: Extension, levels: list[int]) -> None:
    tile = extend_tiles({}, whole)[0, 5]
    slots = [TileSlot(0, 5, level, at % (256 >> level)) for at, level in enumerate(levels)]
    assert nodes_from_tile(tile, slots) == [node_from_tile(tile, level, offset) for _, _, level, offset in slots]


@pytest.mark.parametrize("levels", [[0, 2], [6, 6, 6, 6]])
def test_many_nodes_of_a_tile_too_narrow_are_refused(levels: list[int]) -> None:
    with pytest.raises(MalformedError) as caught:
        nodes_from_tile(bytes(65 * 32), [TileSlot(0, 0, level, (256 >> level) - 1) for level in levels])
    assert caught.value.code == "tile-malformed"


def test_rows_are_of_whole_hashes_and_a_tile_has_eight_above_its_own() -> None:
    with pytest.raises(MalformedError) as caught:
        rows_from_tile(bytes(33), 1)
    assert caught.value.code == "tile-malformed"
    for levels in (-1, 9):
        with pytest.raises(ValueError, match="8 levels"):
            rows_from_tile(bytes(64), levels)


@pytest.mark.parametrize(("level", "offset"), [(9, 0), (-1, 0), (0, 256), (8, 1), (3, 32), (0, -1)])
def test_a_place_that_no_tile_has_is_a_misuse(level: int, offset: int) -> None:
    with pytest.raises(ValueError, match="no tile"):
        node_from_tile(bytes(8192), level, offset)


def test_a_tile_too_narrow_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        node_from_tile(bytes(3 * 32), 2, 0)
    assert caught.value.code == "tile-malformed"


def test_an_edge_that_does_not_fit_is_refused(leaves: list[bytes]) -> None:
    edge = {(0, 0): b"".join(leaves[:10])}
    extension = extend(extend(EMPTY_FRONTIER, leaves[:11]).frontier, leaves[11:12])
    for bad in (edge, {}, {(0, 0): edge[0, 0] + bytes(31)}, {(0, 0): edge[0, 0] + bytes(33)}):
        with pytest.raises(MalformedError) as caught:
            extend_tiles(bad, extension)
        assert caught.value.code == "tile-malformed"
        with pytest.raises(MalformedError):
            frontier_from_edge(11, bad)


def test_a_changed_edge_gives_another_root(leaves: list[bytes]) -> None:
    edge = extend_tiles({}, extend(EMPTY_FRONTIER, leaves[:200]))
    edge[0, 0] = bytes(32) + edge[0, 0][32:]
    assert frontier_from_edge(200, edge).root() != extend(EMPTY_FRONTIER, leaves[:200]).root
    assert len(frontier_from_edge(200, edge).hashes) == len(peaks(200))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_and_entries_are_one_to_one(entries: list[bytes]) -> None:
    bundle = encode_bundle(entries)
    assert decode_bundle(bundle, len(entries)) == entries
    assert len(bundle) == sum(map(len, entries)) + 2 * len(entries)


def test_the_longest_entry_fits_exactly() -> None:
    longest = bytes(65_535)
    assert decode_bundle(encode_bundle([longest, b""]), 2) == [longest, b""]
    with pytest.raises(ValueError, match="65535"):
        encode_bundle([longest + b"\x00"])


@pytest.mark.parametrize("count", [0, 257])
def test_a_bundle_has_1_to_256_entries(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 256"):
        encode_bundle([b""] * count)
    with pytest.raises(ValueError, match="1 to 256"):
        decode_bundle(b"", count)


@pytest.mark.parametrize(("bundle", "width"), [("", 1), ("00", 1), ("000161", 2), ("00026100", 2), ("00016100", 1)])
def test_a_bundle_of_another_width_is_refused(bundle: str, width: int) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_bundle(bytes.fromhex(bundle), width)
    assert caught.value.code == "bundle-malformed"


def test_a_bundle_hashes_to_its_tile(leaves: list[bytes], whole: Extension) -> None:
    bundle = encode_bundle([b"%d" % number for number in range(512, 768)])
    tile = b"".join(leaf_hash(entry) for entry in decode_bundle(bundle, 256))
    assert tile == extend_tiles({}, whole)[0, 2]
    assert sha256(tile).digest() == sha256(b"".join(leaves[512:768])).digest()
