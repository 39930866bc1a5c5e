"""Queries for tiles: full ones from `tile`, the partial ones at the right edge put together from the pieces in `edge`."""

from collections.abc import Sequence

from custody.server.store.postgres.server import Server

# One statement is one snapshot: a tile is found in its pieces or whole, never neither.
_TILES = """
SELECT t.level, t.tile_index, t.hashes
FROM unnest($2::smallint[], $3::bigint[]) AS w (level, tile_index)
JOIN tile t ON t.log = $1 AND t.level = w.level AND t.tile_index = w.tile_index
UNION ALL
(SELECT w.level, w.tile_index, string_agg(e.hashes, ''::bytea ORDER BY e.first_hash)
FROM unnest($2::smallint[], $3::bigint[]) AS w (level, tile_index)
JOIN edge e ON e.log = $1 AND e.level = w.level
    AND e.first_hash >= w.tile_index * 256 AND e.first_hash < (w.tile_index + 1) * 256
GROUP BY w.level, w.tile_index)
"""


async def tiles(server: Server, log: int, ids: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """See LogStore.tiles."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    levels, indexes = zip(*wanted, strict=True)
    rows = await server.read(_TILES, log, levels, indexes)
    return {(level, index): hashes for level, index, hashes in rows}
