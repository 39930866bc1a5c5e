"""Queries for entries. A row holds at most 16, and none crosses a multiple of 16 (commit.py)."""

import asyncio
from collections.abc import Sequence
from typing import Final

from custody.core.bundle import decode_bundle
from custody.core.errors import MalformedError
from custody.core.limits import MAX_BATCH_RECORDS
from custody.server.store.postgres.commit import RUN_ENTRIES
from custody.server.store.postgres.server import Server
from custody.server.store.protocol import Placed, StoreDamaged

ROWS_AT_ONCE: Final = 256
"""Rows far apart that one connection fetches. More are shared among connections: each waits for the disk by itself, so a
page of 1,024 entries of one camera, out of as many rows, waits a quarter as long when none of them is in memory."""

_RANGE = """
SELECT first_index, count, data FROM entry_run
WHERE log = $1 AND first_index >= $2 AND first_index < $3 ORDER BY first_index
"""

# 16 is RUN_ENTRIES. OFFSET 0 keeps the planner from reading everything between the first and the last block; the
# bounds $3 and $4 let it leave out partitions.
_AT = """
SELECT r.first_index, r.count, r.data FROM unnest($2::bigint[]) AS block (first) CROSS JOIN LATERAL (
    SELECT first_index, count, data FROM entry_run
    WHERE log = $1 AND first_index >= block.first AND first_index < block.first + 16
        AND first_index >= $3 AND first_index <= $4
    OFFSET 0
) AS r
"""


async def entries(server: Server, log: int, first: int, count: int) -> list[Placed]:
    """See LogStore.entries."""
    end = first + min(count, MAX_BATCH_RECORDS)
    rows = await server.read(_RANGE, log, first - first % RUN_ENTRIES, end)
    return [
        Placed(index, entry)
        for run_first, run_count, data in rows
        for index, entry in enumerate(_decode(run_first, run_count, data), run_first)
        if first <= index < end
    ]


async def entries_at(server: Server, log: int, indexes: Sequence[int]) -> list[Placed]:
    """See LogStore.entries_at."""
    wanted = indexes[:MAX_BATCH_RECORDS]
    if not wanted:
        return []
    blocks = sorted({index - index % RUN_ENTRIES for index in wanted})
    parts = [blocks[at : at + ROWS_AT_ONCE] for at in range(0, len(blocks), ROWS_AT_ONCE)]
    # Several snapshots are as good as one: an entry that is there never changes. Nobody is left behind when one fails.
    answers = await asyncio.gather(
        *(server.read(_AT, log, part, part[0], part[-1] + RUN_ENTRIES - 1) for part in parts), return_exceptions=True
    )
    found: dict[int, bytes] = {}
    asked = set(wanted)
    for rows in answers:
        if isinstance(rows, BaseException):
            raise rows
        for first, count, data in rows:
            _pick(first, count, data, asked, found)
    return [Placed(index, found[index]) for index in wanted if index in found]


def _pick(first: int, count: int, data: bytes, asked: set[int], found: dict[int, bytes]) -> None:
    """Adds to `found` the entries of a row that are asked for: usually one of 16, and the others cost no copy."""
    at, end = 0, len(data)
    for index in range(first, first + count):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if index in asked and start <= end:
            found[index] = data[start:at]
    if at != end:
        raise StoreDamaged(f"the row of the entries from {first} is not {count} entries: it has {end} bytes, not {at}")


def _decode(first: int, count: int, data: bytes) -> list[bytes]:
    try:
        return decode_bundle(data, count)
    except MalformedError as error:
        raise StoreDamaged(f"the row of the entries from {first} is not {count} entries: {error}") from error
