"""Full tiles in memory: proofs ask for the same upper ones again and again, and a full tile never changes.

Only tiles of which every entry is published are kept. The signer has signed them, so no failover of the database can
put others in their place; those of a commit that is not signed yet may be lost and written anew with other entries.
"""

from collections import OrderedDict
from typing import Final

from custody.core.hashing import HASH_BYTES
from custody.core.tile import TILE_HEIGHT, TILE_WIDTH

CACHED_TILES: Final = 2_048
"""Of 8 kB: 16 MB for each log, room for all tiles above level 0 of 100 million entries and some hundreds below."""

_FULL_BYTES: Final = TILE_WIDTH * HASH_BYTES


class TileCache:
    """The tiles of one log that were asked for last. One event loop owns it; nothing in it awaits."""

    def __init__(self, capacity: int = CACHED_TILES) -> None:
        """Keeps at most `capacity` tiles."""
        self._capacity = capacity
        self._tiles: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._published = 0

    def publish(self, size: int) -> None:
        """The log is published up to `size`. Less than before: this is another history, and nothing of the old is kept."""
        if size < self._published:
            self._tiles.clear()
        self._published = size

    def get(self, tile: tuple[int, int]) -> bytes | None:
        """The content of a tile (level, index), if it is here."""
        found = self._tiles.get(tile)
        if found is not None:
            self._tiles.move_to_end(tile)
        return found

    def put(self, tile: tuple[int, int], hashes: bytes) -> None:
        """Keeps a tile, if it is full and published; the one that nobody asked for longest makes room."""
        level, index = tile
        if len(hashes) != _FULL_BYTES or index + 1 << TILE_HEIGHT * (level + 1) > self._published:
            return
        self._tiles[tile] = hashes
        self._tiles.move_to_end(tile)
        if len(self._tiles) > self._capacity:
            self._tiles.popitem(last=False)
