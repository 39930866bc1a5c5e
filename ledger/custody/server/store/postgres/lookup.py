"""Queries of the index: record ids, digests, times, submitters."""

from collections.abc import Sequence

from custody.core.limits import MAX_BATCH_RECORDS
from custody.server.store.postgres.commit import uuids
from custody.server.store.postgres.pages import bucket_of, unpack_digests
from custody.server.store.postgres.server import Server
from custody.server.store.protocol import Submission

# OFFSET 0 makes it one look-up for each id; without statistics the planner may read all records of the log instead.
_RECORDS = """
SELECT r.record_id, r.leaf_index FROM unnest($2::text::uuid[]) AS wanted (record_id) CROSS JOIN LATERAL (
    SELECT record_id, leaf_index FROM record WHERE log = $1 AND record_id = wanted.record_id OFFSET 0
) AS r
"""

# `position` only narrows the search: it also finds bytes that are not where a digest stands.
_DIGESTS = """
SELECT digests FROM digest_page WHERE log = $1 AND bucket = $2 AND position($3 IN digests) > 0
UNION ALL SELECT digests FROM tail WHERE log = $1 AND position($3 IN digests) > 0
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
    return dict(await server.read(_RECORDS, log, uuids(record_ids)))


async def time_range(server: Server, log: int, from_us: int, to_us: int) -> tuple[int, int]:
    """See LogStore.time_range. Stamps never decrease, so a period is one run of indexes."""
    ((first, end),) = await server.read(_FIRST_AT, log, from_us, to_us)
    return first, max(first, end)


async def digest_indexes(server: Server, log: int, prefix: bytes, count: int) -> list[int]:
    """See LogStore.digest_indexes."""
    rows = await server.read(_DIGESTS, log, bucket_of(prefix), prefix)
    # A set: what waits in the tail may stand in a page already.
    found = {index for (data,) in rows for kept, index in unpack_digests(data) if kept == prefix}
    return sorted(found)[: min(count, MAX_BATCH_RECORDS)]


async def submitter_runs(
    server: Server, log: int, submitter: str, from_us: int, to_us: int, after_index: int, count: int
) -> list[Submission]:
    """See LogStore.submitter_runs. Times never decrease along the index, so the period is a range of indexes."""
    first, end = await time_range(server, log, from_us, to_us)
    limit = min(count, MAX_BATCH_RECORDS)
    rows = await server.read(_SUBMISSIONS, log, submitter, max(first, after_index + 1), end, limit)
    return [Submission(*row) for row in rows]
