"""One log in PostgreSQL; implements LogStore.

Every write is one statement that compares the head (size, root, epoch) in the log's row and changes nothing when it is
another. The server's row lock orders two writers; the second sees the head of the first and writes nothing.

Crash before the commit reaches the server's disk: nothing happened. Crash after, or a connection that ends while the
answer is under way: OutcomeUnknown, and the caller reloads.
"""

from collections.abc import Sequence

from custody.core.chain import Head
from custody.server.store.postgres import chain_read, entry_read, lookup, page_read, tile_read
from custody.server.store.postgres.commit import COMMIT, arguments
from custody.server.store.postgres.lease import PostgresLease
from custody.server.store.postgres.pages import OpenPages
from custody.server.store.postgres.partition import Partitions
from custody.server.store.postgres.server import Server
from custody.server.store.postgres.tile_cache import TileCache
from custody.server.store.protocol import (
    Commit,
    HeadMoved,
    LogHead,
    LogState,
    Placed,
    StoreDamaged,
    Submission,
)

_STATE = """
SELECT l.origin, l.vkeys, l.size, l.root, l.epoch, l.sequenced_us, l.published, c.note
FROM log l LEFT JOIN checkpoint c ON c.log = l.log AND c.size = l.published WHERE l.log = $1
"""

_FENCE = "UPDATE log SET epoch = epoch + 1 WHERE log = $1 AND size = $2 AND root = $3 AND epoch = $4 RETURNING epoch"

_PUBLISH = """
WITH moved AS (
    UPDATE log SET published = greatest(published, $5)
    WHERE log = $1 AND size = $2 AND root = $3 AND epoch = $4
        AND NOT EXISTS (SELECT FROM checkpoint c WHERE c.log = $1 AND c.size = $5 AND c.note <> $6)
    RETURNING log
), kept AS (
    INSERT INTO checkpoint (size, log, note) SELECT $5, m.log, $6 FROM moved m ON CONFLICT (log, size) DO NOTHING
)
SELECT log FROM moved
"""


class PostgresLog:
    """A log on one server. Reads from any task; writes from one task at a time."""

    def __init__(self, server: Server, log: int) -> None:
        self._server = server
        self._log = log
        self.partitions = Partitions(server, log)
        self._tiles = TileCache()
        self._pages: OpenPages | None = None
        self._pages_at: tuple[int, bytes] | None = None  # size and root for which `_pages` is whole

    def lease(self, address: str) -> PostgresLease:
        """The right to write this log, to be asked for under this address."""
        return PostgresLease(self._server, self._log, address)

    async def state(self) -> LogState:
        """See LogStore.state."""
        rows = await self._server.read(_STATE, self._log)
        if not rows:
            raise StoreDamaged("the row of the log is gone")
        origin, vkeys, size, root, epoch, sequenced_us, published, note = rows[0]
        head = LogHead(size, root, epoch)
        self._tiles.publish(published)
        return LogState(origin, tuple(vkeys.splitlines()), head, sequenced_us, published, note or b"")

    async def fence(self, head: LogHead) -> LogHead:
        """See LogStore.fence."""
        rows = await self._server.write(_FENCE, self._log, *head)
        if not rows:
            raise HeadMoved("the log was moved on by another writer")
        return head._replace(epoch=rows[0]["epoch"])

    async def commit(self, commit: Commit) -> None:
        """See LogStore.commit. Raises ValueError for a commit that contradicts itself."""
        await self.partitions.reach(commit.old.size)
        pages = self._pages
        if pages is None or self._pages_at != (commit.old.size, commit.old.root):
            # Read beside the commit: if the head moves in between, the commit fails, and what was read is thrown away.
            pages = await page_read.open_pages(self._server, self._log)
        self._pages = None  # until the commit has succeeded: after a failure they are ahead of what is stored
        if not await self._server.write(COMMIT, *arguments(self._log, commit, pages)):
            raise HeadMoved("the log was moved on by another writer")
        self._pages, self._pages_at = pages, (commit.size, commit.root)

    async def publish(self, head: LogHead, size: int, note: bytes) -> None:
        """See LogStore.publish. Raises ValueError for a checkpoint beyond the head."""
        if not 0 <= size <= head.size:
            raise ValueError(f"a log of {head.size} entries has no checkpoint of {size}")
        if not await self._server.write(_PUBLISH, self._log, *head, size, note):
            raise HeadMoved("the log was moved on by another writer, or has another checkpoint of this size")
        self._tiles.publish(size)

    async def checkpoint(self, size: int) -> bytes | None:
        """See LogStore.checkpoint."""
        rows = await self._server.read("SELECT note FROM checkpoint WHERE log = $1 AND size = $2", self._log, size)
        return rows[0]["note"] if rows else None

    async def checkpoints(self, from_size: int, count: int) -> list[bytes]:
        """See LogStore.checkpoints."""
        sql = "SELECT note FROM checkpoint WHERE log = $1 AND size >= $2 ORDER BY size LIMIT $3"
        return [row["note"] for row in await self._server.read(sql, self._log, from_size, count)]

    async def tiles(self, ids: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """See LogStore.tiles."""
        return await tile_read.tiles(self._server, self._log, ids, self._tiles)

    async def entries(self, first: int, count: int) -> list[Placed]:
        """See LogStore.entries."""
        return await entry_read.entries(self._server, self._log, first, count)

    async def entries_at(self, indexes: Sequence[int]) -> list[Placed]:
        """See LogStore.entries_at."""
        return await entry_read.entries_at(self._server, self._log, indexes)

    async def heads(self, size: int) -> dict[str, Head]:
        """See LogStore.heads."""
        return await chain_read.heads(self._server, self._log, size)

    async def chain_head(self, chain: str) -> Head | None:
        """See LogStore.chain_head."""
        return await chain_read.chain_head(self._server, self._log, chain)

    async def known_records(self, record_ids: Sequence[bytes]) -> dict[bytes, int]:
        """See LogStore.known_records."""
        return await lookup.known_records(self._server, self._log, record_ids)

    async def chain_indexes(self, chain: str, first_seq: int, count: int) -> list[int]:
        """See LogStore.chain_indexes."""
        return await chain_read.chain_indexes(self._server, self._log, chain, first_seq, count)

    async def chain_period(
        self, chain: str, from_us: int, to_us: int, after_seq: int, count: int
    ) -> list[tuple[int, int]]:
        """See LogStore.chain_period."""
        return await chain_read.chain_period(self._server, self._log, chain, from_us, to_us, after_seq, count)

    async def time_range(self, from_us: int, to_us: int) -> tuple[int, int]:
        """See LogStore.time_range."""
        return await lookup.time_range(self._server, self._log, from_us, to_us)

    async def digest_indexes(self, prefix: bytes, count: int) -> list[int]:
        """See LogStore.digest_indexes."""
        return await lookup.digest_indexes(self._server, self._log, prefix, count)

    async def submitter_runs(
        self, submitter: str, from_us: int, to_us: int, after_index: int, count: int
    ) -> list[Submission]:
        """See LogStore.submitter_runs."""
        return await lookup.submitter_runs(self._server, self._log, submitter, from_us, to_us, after_index, count)
