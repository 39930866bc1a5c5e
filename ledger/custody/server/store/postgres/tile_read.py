"""Queries for tiles: full ones from `tile`, the partial ones at the right edge put together from the pieces in `edge`."""

from collections.abc import Sequence

from custody.server.store.postgres.server import Server
from custody.server.store.postgres.tile_cache import TileCache

# OFFSET 0 makes it one look-up for each tile. One statement is one snapshot: a tile is found in its pieces or whole, never neither.
_TILES = """
SELECT t.level, t.tile_index, t.hashes
FROM unnest($2::smallint[], $3::bigint[]) AS w (level, tile_index) CROSS JOIN LATERAL (
    SELECT level, tile_index, hashes FROM tile WHERE log = $1 AND level = w.level AND tile_index = w.tile_index OFFSET 0
) AS t
UNION ALL
(SELECT w.level, w.tile_index, string_agg(e.hashes, ''::bytea ORDER BY e.first_hash)
FROM unnest($2::smallint[], $3::bigint[]) AS w (level, tile_index) CROSS JOIN LATERAL (
    SELECT first_hash, hashes FROM edge WHERE log = $1 AND level = w.level
        AND first_hash >= w.tile_index * 256 AND first_hash < (w.tile_index + 1) * 256 OFFSET 0
) AS e
GROUP BY w.level, w.tile_index)
"""


async def tiles(
    server: Server, log: int, ids: Sequence[tuple[int, int]], cache: TileCache
) -> dict[tuple[int, int], bytes]:
    """See LogStore.tiles. What is not in the cache comes in one round trip."""
    found: dict[tuple[int, int], bytes] = {}
    missing = []
    for tile in dict.fromkeys(ids):
        known = cache.get(tile)
        if known is None:
            missing.append(tile)
        else:
            found[tile] = known
    if missing:
        levels, indexes = zip(*missing, strict=True)
        for level, index, hashes in await server.read(_TILES, log, levels, indexes):
            found[level, index] = hashes
            cache.put((level, index), hashes)
    return found
