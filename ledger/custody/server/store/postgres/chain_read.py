"""Queries for chains: where they end, where their numbers are, and what falls into a period.

Runs are found in pages and in the tail (see `pages`); one statement asks both, so that nothing is missed while a run
moves from one to the other. What is in both is the same run twice, told apart by its first number.
"""

from collections.abc import Iterable
from typing import Any

from custody.core.chain import Head
from custody.core.hashing import HASH_BYTES
from custody.core.limits import MAX_BATCH_RECORDS
from custody.core.tree import MAX_TREE_SIZE
from custody.server.store.postgres.pages import Run, page_runs, tail_runs
from custody.server.store.postgres.server import Server
from custody.server.store.protocol import StoreDamaged

# 8192 is RUN_TAIL.
_TAIL = """
SELECT NULL::integer AS chain, t.runs, t.first_index AS place FROM tail t WHERE t.log = $1
    AND t.first_index >= (SELECT max(first_index) FROM tail WHERE log = $1) - 8192
"""

_NUMBER = "SELECT chain FROM chain WHERE log = $1 AND name = $2"

# Within a chain the leaf index grows with the number, so the search runs from the end; usually its first step ends it.
_LAST_PAGES = f"""
SELECT c.chain, p.runs, p.first_seq AS place FROM chain c CROSS JOIN LATERAL (
    SELECT runs, first_seq FROM chain_page
    WHERE log = c.log AND chain = c.chain AND first_index < $2 ORDER BY first_seq DESC LIMIT 1
) AS p
WHERE c.log = $1 AND (c.chain = $3 OR $3 IS NULL)
UNION ALL {_TAIL}
"""

_NUMBERED = f"""
SELECT p.chain, p.runs, p.first_seq AS place FROM chain_page p
WHERE p.log = $1 AND p.chain = $2 AND p.first_seq < $4 AND p.first_seq >= coalesce((
    SELECT max(s.first_seq) FROM chain_page s WHERE s.log = $1 AND s.chain = $2 AND s.first_seq <= $3), $3)
UNION ALL {_TAIL}
"""

# The longest page bounds how early a page that touches the period can begin.
_PERIOD = f"""
(SELECT p.chain, p.runs, p.first_seq AS place FROM chain_page p
WHERE p.log = $1 AND p.chain = $2 AND p.from_us < $4 AND p.to_us >= $3 AND p.last_seq > $5
    AND p.from_us >= $3::bigint - (SELECT longest_us FROM chain WHERE log = $1 AND chain = $2)
ORDER BY p.first_seq LIMIT $6)
UNION ALL {_TAIL}
"""

_PAGES_AT_ONCE = 64

# A leaf hash stands in its level 0 tile, which is full or still in pieces.
_LEAVES = """
SELECT w.leaf, coalesce(
    (SELECT substr(t.hashes, (w.leaf % 256)::integer * 32 + 1, 32)
     FROM tile t WHERE t.log = $1 AND t.level = 0 AND t.tile_index = w.leaf / 256),
    (SELECT substr(e.hashes, (w.leaf - e.first_hash)::integer * 32 + 1, 32)
     FROM edge e WHERE e.log = $1 AND e.level = 0 AND e.first_hash <= w.leaf ORDER BY e.first_hash DESC LIMIT 1)
) AS hash
FROM unnest($2::bigint[]) AS w (leaf)
"""


async def heads(server: Server, log: int, size: int) -> dict[str, Head]:
    """See LogStore.heads."""
    names = {number: name for name, number in await server.read("SELECT name, chain FROM chain WHERE log = $1", log)}
    found = await _heads(server, log, await server.read(_LAST_PAGES, log, size, None), size)
    # A chain that came after the first query has no entry below a size that was known before.
    return {names[number]: head for number, head in found.items() if number in names}


async def chain_head(server: Server, log: int, chain: str) -> Head | None:
    """See LogStore.chain_head."""
    rows = await server.read(_NUMBER, log, chain)
    if not rows:
        return None
    number = rows[0]["chain"]
    pages = await server.read(_LAST_PAGES, log, MAX_TREE_SIZE, number)
    return (await _heads(server, log, pages, MAX_TREE_SIZE, number)).get(number)


async def _heads(server: Server, log: int, rows: Iterable[Any], size: int, only: int | None = None) -> dict[int, Head]:
    last: dict[int, Run] = {}
    for number, run in _runs(rows, only):
        if run.first_index < size and (number not in last or run.first_seq > last[number].first_seq):
            last[number] = run
    ends = {number: min(run.first_index + run.count, size) - 1 for number, run in last.items()}
    leaves = dict(await server.read(_LEAVES, log, list(ends.values())))
    found = {}
    for number, index in ends.items():
        leaf = leaves[index]
        if leaf is None or len(leaf) != HASH_BYTES:
            raise StoreDamaged(f"the leaf hash of entry {index} is not found in the tiles")
        found[number] = Head(last[number].first_seq + index - last[number].first_index, leaf)
    return found


async def chain_indexes(server: Server, log: int, chain: str, first_seq: int, count: int) -> list[int]:
    """See LogStore.chain_indexes."""
    end = first_seq + min(count, MAX_BATCH_RECORDS)
    rows = await server.read(_NUMBER, log, chain)
    if not rows:
        return []
    number = rows[0]["chain"]
    found: dict[int, int] = {}
    for _, run in _runs(await server.read(_NUMBERED, log, number, first_seq, end), number):
        for seq in range(max(first_seq, run.first_seq), min(end, run.first_seq + run.count)):
            found[seq] = run.first_index + seq - run.first_seq
    return [found[seq] for seq in sorted(found)]


async def chain_period(
    server: Server, log: int, chain: str, from_us: int, to_us: int, after_seq: int, count: int
) -> list[tuple[int, int]]:
    """See LogStore.chain_period. Costs as much as there are pages in the period."""
    limit = min(count, MAX_BATCH_RECORDS)
    rows = await server.read(_NUMBER, log, chain)
    if not rows:
        return []
    number = rows[0]["chain"]
    found: dict[int, int] = {}
    while True:
        rows = await server.read(_PERIOD, log, number, from_us, to_us, after_seq, _PAGES_AT_ONCE)
        full = sum(row["chain"] is not None for row in rows) == _PAGES_AT_ONCE
        # Beyond the last of these pages there may be more, which come before the tail.
        until = (
            max(run.first_seq + run.count - 1 for row in rows if row["chain"] for run in page_runs(row["runs"]))
            if full
            else None
        )
        for _, run in _runs(rows, number):
            if until is not None and run.first_seq > until:
                continue
            if run.from_us < to_us and (run.to_us > from_us or run.from_us == from_us):
                for seq in range(max(after_seq + 1, run.first_seq), run.first_seq + run.count):
                    found[seq] = run.first_index + seq - run.first_seq
        if until is None or len(found) >= limit:
            return sorted(found.items())[:limit]
        after_seq = max(until, after_seq)


def _runs(rows: Iterable[Any], only: int | None) -> Iterable[tuple[int, Run]]:
    for number, data, _ in rows:
        if number is not None:
            yield from ((number, run) for run in page_runs(data))
        else:
            yield from tail_runs(data, only)
