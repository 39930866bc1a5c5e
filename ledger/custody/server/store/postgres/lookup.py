"""Queries of the index: record ids, digests, times, submitters."""

from collections.abc import Sequence

from custody.core.limits import MAX_BATCH_RECORDS
from custody.server.store.postgres.commit import prefix_number
from custody.server.store.postgres.server import Server
from custody.server.store.protocol import Submission

_RECORDS = "SELECT record_id, leaf_index FROM record WHERE log = $1 AND record_id = ANY ($2::uuid[])"

# Every part is looked into: one short way down the index for each 2^20 entries (PART_BITS).
_DIGESTS = """
WITH parts AS (SELECT array_agg(part::integer) AS all_parts FROM log, generate_series(0, size >> 20) AS part WHERE log = $1)
SELECT leaf_index FROM record WHERE log = $1 AND part = ANY ((SELECT all_parts FROM parts)::integer[]) AND digest = $2
UNION
SELECT leaf_index FROM digest WHERE log = $1 AND part = ANY ((SELECT all_parts FROM parts)::integer[]) AND prefix = $2
ORDER BY leaf_index LIMIT $3
"""

_FIRST_AT = """
SELECT coalesce(
    (SELECT first_index FROM batch WHERE log = $1 AND sequenced_us >= $2 ORDER BY sequenced_us, first_index LIMIT 1),
    (SELECT size FROM log WHERE log = $1)) AS first,
coalesce(
    (SELECT first_index FROM batch WHERE log = $1 AND sequenced_us >= $3 ORDER BY sequenced_us, first_index LIMIT 1),
    (SELECT size FROM log WHERE log = $1)) AS past
"""

_SUBMISSIONS = """
SELECT submitter, first_index, count FROM submission
WHERE log = $1 AND submitter = $2 AND first_index >= $3 AND first_index < $4 ORDER BY first_index LIMIT $5
"""


async def known_records(server: Server, log: int, record_ids: Sequence[bytes]) -> dict[bytes, int]:
    """See LogStore.known_records."""
    if not record_ids:
        return {}
    return dict(await server.read(_RECORDS, log, record_ids))


async def time_range(server: Server, log: int, from_us: int, to_us: int) -> tuple[int, int]:
    """See LogStore.time_range. Stamps never decrease, so a period is one run of indexes."""
    ((first, end),) = await server.read(_FIRST_AT, log, from_us, to_us)
    return first, max(first, end)


async def digest_indexes(server: Server, log: int, prefix: bytes, count: int) -> list[int]:
    """See LogStore.digest_indexes."""
    rows = await server.read(_DIGESTS, log, prefix_number(prefix), min(count, MAX_BATCH_RECORDS))
    return [row["leaf_index"] for row in rows]


async def submitter_runs(
    server: Server, log: int, submitter: str, from_us: int, to_us: int, after_index: int, count: int
) -> list[Submission]:
    """See LogStore.submitter_runs. Times never decrease along the index, so the period is a range of indexes."""
    first, end = await time_range(server, log, from_us, to_us)
    limit = min(count, MAX_BATCH_RECORDS)
    rows = await server.read(_SUBMISSIONS, log, submitter, max(first, after_index + 1), end, limit)
    return [Submission(*row) for row in rows]
