"""Queries for what waits for its page, so that the writer can go on from any head (see `pages`)."""

from custody.server.store.postgres.pages import BUCKETS, OpenPages
from custody.server.store.postgres.server import Server

_CHAINS = """
SELECT c.name, c.chain, c.longest_us, coalesce((
    SELECT p.last_seq FROM chain_page p WHERE p.log = c.log AND p.chain = c.chain ORDER BY p.first_seq DESC LIMIT 1
), 0) AS paged
FROM chain c WHERE c.log = $1
"""

_BUCKETS = """
SELECT b.bucket, (
    SELECT p.last_index FROM digest_page p WHERE p.log = $1 AND p.bucket = b.bucket ORDER BY p.first_index DESC LIMIT 1
) AS paged
FROM generate_series(0, $2 - 1) AS b (bucket)
"""

_TAIL = "SELECT first_index, runs, digests FROM tail WHERE log = $1 ORDER BY first_index"


async def open_pages(server: Server, log: int) -> OpenPages:
    """What waits for its page now."""
    chains = await server.read(_CHAINS, log)
    buckets = await server.read(_BUCKETS, log, BUCKETS)
    pages = OpenPages({name: (number, longest_us) for name, number, longest_us, _ in chains})
    pages.restore(
        await server.read(_TAIL, log),
        {number: paged for _, number, _, paged in chains},
        {bucket: paged for bucket, paged in buckets if paged is not None},
    )
    return pages
