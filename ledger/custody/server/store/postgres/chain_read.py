"""Queries for chains: where they end, where their numbers are, and what falls into a period."""

from custody.core.chain import Head
from custody.core.hashing import HASH_BYTES
from custody.core.limits import MAX_BATCH_RECORDS
from custody.core.tree import MAX_TREE_SIZE
from custody.server.store.postgres.commit import Chains
from custody.server.store.postgres.server import Server
from custody.server.store.protocol import StoreDamaged

# Within a chain the leaf index grows with the number, so the search runs from the end; usually its first step ends it.
# The leaf hash of the last entry stands in its level 0 tile, which is full or still in pieces.
_HEADS = """
SELECT c.name, r.first_seq + r.last - r.first_index AS seq, coalesce(
    (SELECT substr(t.hashes, (r.last % 256)::integer * 32 + 1, 32)
     FROM tile t WHERE t.log = c.log AND t.level = 0 AND t.tile_index = r.last / 256),
    (SELECT substr(e.hashes, (r.last - e.first_hash)::integer * 32 + 1, 32)
     FROM edge e WHERE e.log = c.log AND e.level = 0 AND e.first_hash <= r.last ORDER BY e.first_hash DESC LIMIT 1)
) AS leaf
FROM chain c CROSS JOIN LATERAL (
    SELECT first_seq, first_index, least(first_index + count, $2) - 1 AS last FROM chain_run
    WHERE log = c.log AND chain = c.chain AND first_index < $2 ORDER BY first_seq DESC LIMIT 1
) AS r
WHERE c.log = $1
"""

_INDEXES = """
SELECT r.first_seq, r.first_index, r.count FROM chain c JOIN chain_run r ON r.log = c.log AND r.chain = c.chain
WHERE c.log = $1 AND c.name = $2 AND r.first_seq < $4 AND r.first_seq >= coalesce((
    SELECT max(s.first_seq) FROM chain_run s WHERE s.log = c.log AND s.chain = c.chain AND s.first_seq <= $3), $3)
ORDER BY r.first_seq
"""

# The longest run bounds how early a run that touches the period can begin.
_PERIOD = """
SELECT r.first_seq, r.first_index, r.count FROM chain c JOIN chain_run r ON r.log = c.log AND r.chain = c.chain
WHERE c.log = $1 AND c.name = $2 AND r.from_us < $4 AND r.from_us >= $3::bigint - c.longest_us
    AND (r.to_us > $3 OR r.from_us = $3) AND r.first_seq + r.count - 1 > $5
ORDER BY r.first_seq LIMIT $6
"""


async def numbers(server: Server, log: int) -> Chains:
    """Number and longest run of every chain, for the writer."""
    rows = await server.read("SELECT name, chain, longest_us FROM chain WHERE log = $1", log)
    return {name: (number, longest_us) for name, number, longest_us in rows}


async def heads(server: Server, log: int, size: int) -> dict[str, Head]:
    """See LogStore.heads."""
    return {name: _head(name, seq, leaf) for name, seq, leaf in await server.read(_HEADS, log, size)}


async def chain_head(server: Server, log: int, chain: str) -> Head | None:
    """See LogStore.chain_head."""
    rows = await server.read(_HEADS + " AND c.name = $3", log, MAX_TREE_SIZE, chain)
    return _head(*rows[0]) if rows else None


def _head(name: str, seq: int, leaf: bytes | None) -> Head:
    if leaf is None or len(leaf) != HASH_BYTES:
        raise StoreDamaged(f"the end of {name} is not found in the tiles")
    return Head(seq, leaf)


async def chain_indexes(server: Server, log: int, chain: str, first_seq: int, count: int) -> list[int]:
    """See LogStore.chain_indexes."""
    end = first_seq + min(count, MAX_BATCH_RECORDS)
    found: list[int] = []
    for run_seq, run_index, run_count in await server.read(_INDEXES, log, chain, first_seq, end):
        low, high = max(first_seq, run_seq), min(end, run_seq + run_count)
        found.extend(range(run_index + low - run_seq, run_index + high - run_seq))
    return found


async def chain_period(
    server: Server, log: int, chain: str, from_us: int, to_us: int, after_seq: int, count: int
) -> list[tuple[int, int]]:
    """See LogStore.chain_period. Costs as much as there are runs in the period."""
    limit = min(count, MAX_BATCH_RECORDS)
    found: list[tuple[int, int]] = []
    rows = await server.read(_PERIOD, log, chain, from_us, to_us, after_seq, limit)
    for first_seq, first_index, run_count in rows:
        skip = max(0, after_seq + 1 - first_seq)
        found.extend((first_seq + at, first_index + at) for at in range(skip, run_count))
    return found[:limit]
