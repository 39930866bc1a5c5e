"""The embedded store: one SQLite file, one writing thread, a few reading threads.

The event loop never waits for the disk: writes run in the writer's thread, reads in the readers' threads, each with a
connection of its own. See `sqlite_file` for the one-writer rule and durability.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, Self, TypeVar

from custody.core.chain import Head
from custody.core.hashing import EMPTY_ROOT
from custody.server.store import sqlite_read
from custody.server.store.protocol import (
    Commit,
    LogExists,
    LogHead,
    LogState,
    LogUnknown,
    Placed,
    StoreUnavailable,
    Submission,
)
from custody.server.store.sqlite_file import WriterLock, connect_reader, connect_writer
from custody.server.store.sqlite_write import Writer

_READERS: Final = 2
P = ParamSpec("P")
T = TypeVar("T")


class SqliteDirectory:
    """All logs of one file."""

    def __init__(self, database: Path, lock: WriterLock, connection: sqlite3.Connection) -> None:
        """Use `open_file`."""
        self._lock = lock
        self._connection = connection  # used in the writer's thread only
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._reading = ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader", initializer=self._open_reader)
        self._database = database
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []

    @classmethod
    async def open_file(cls, database: Path, *, create: bool = False) -> Self:
        """Locks, opens and migrates the file. Raises StoreLocked, StoreUnavailable or StoreDamaged."""
        lock = await asyncio.to_thread(WriterLock, database)
        try:
            connection = await asyncio.to_thread(lambda: connect_writer(database, create=create))
        except BaseException:
            lock.close()
            raise
        return cls(database, lock, connection)

    def _open_reader(self) -> None:
        self._local.connection = connect_reader(self._database)
        self._readers.append(self._local.connection)

    async def write(self, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `action` in the writer's thread; whoever stops waiting does not stop it."""
        running = asyncio.get_running_loop().run_in_executor(self._writing, lambda: action(*args, **kwargs))
        return await asyncio.shield(running)

    async def read(
        self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `query` in a reader's thread, as one read transaction."""

        def run() -> T:
            connection = self._local.connection
            try:
                connection.execute("BEGIN")
                try:
                    return query(connection, *args, **kwargs)
                finally:
                    connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise StoreUnavailable(f"cannot read: {error}") from error

        return await asyncio.get_running_loop().run_in_executor(self._reading, run)

    async def origins(self) -> list[str]:
        """See LogDirectory.origins."""

        def query(run: sqlite3.Connection) -> list[str]:
            return sorted(origin for (origin,) in run.execute("SELECT origin FROM log"))

        return await self.read(query)

    async def create(self, origin: str, vkeys: Sequence[str], created_us: int) -> "SqliteLog":
        """See LogDirectory.create."""

        def insert() -> None:
            try:
                self._connection.execute(
                    "INSERT INTO log (origin, vkeys, created_us, size, root, sequenced_us, published, epoch)"
                    " VALUES (?, ?, ?, 0, ?, 0, 0, 0)",
                    (origin, "\n".join(vkeys), created_us, EMPTY_ROOT),
                )
            except sqlite3.IntegrityError:
                raise LogExists(f"the log {origin} exists already") from None

        await self.write(insert)
        return await self.open(origin)

    async def open(self, origin: str) -> "SqliteLog":
        """See LogDirectory.open."""

        def query(run: sqlite3.Connection) -> int | None:
            row = run.execute("SELECT log FROM log WHERE origin = ?", (origin,)).fetchone()
            return None if row is None else int(row[0])

        log = await self.read(query)
        if log is None:
            raise LogUnknown(f"there is no log {origin}; create it with: custody log create")
        return SqliteLog(self, log, await self.write(Writer, self._connection, log))

    async def close(self) -> None:
        """See LogDirectory.close."""
        await asyncio.to_thread(self._writing.shutdown)
        await asyncio.to_thread(self._reading.shutdown)
        for reader in self._readers:
            reader.close()
        self._connection.close()
        self._lock.close()


class SqliteLog:
    """One log in the file; implements LogStore."""

    def __init__(self, directory: SqliteDirectory, log: int, writer: Writer) -> None:
        self._directory = directory
        self._log = log
        self._writer = writer

    async def state(self) -> LogState:
        """See LogStore.state."""
        return await self._directory.read(sqlite_read.state, self._log)

    async def fence(self, head: LogHead) -> LogHead:
        """See LogStore.fence."""
        return await self._directory.write(self._writer.fence, head)

    async def commit(self, commit: Commit) -> None:
        """See LogStore.commit."""
        await self._directory.write(self._writer.commit, commit)

    async def publish(self, head: LogHead, size: int, note: bytes) -> None:
        """See LogStore.publish."""
        await self._directory.write(self._writer.publish, head, size, note)

    async def checkpoint(self, size: int) -> bytes | None:
        """See LogStore.checkpoint."""
        return await self._directory.read(sqlite_read.checkpoint, self._log, size)

    async def checkpoints(self, from_size: int, count: int) -> list[bytes]:
        """See LogStore.checkpoints."""
        return await self._directory.read(sqlite_read.checkpoints, self._log, from_size, count)

    async def tiles(self, ids: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """See LogStore.tiles."""
        return await self._directory.read(sqlite_read.tiles, self._log, ids)

    async def entries(self, first: int, count: int) -> list[Placed]:
        """See LogStore.entries."""
        return await self._directory.read(sqlite_read.entries, self._log, first, count)

    async def entries_at(self, indexes: Sequence[int]) -> list[Placed]:
        """See LogStore.entries_at."""
        return await self._directory.read(sqlite_read.entries_at, self._log, indexes)

    async def heads(self, size: int) -> dict[str, Head]:
        """See LogStore.heads."""
        return await self._directory.read(sqlite_read.heads, self._log, size)

    async def chain_head(self, chain: str) -> Head | None:
        """See LogStore.chain_head."""
        return await self._directory.read(sqlite_read.chain_head, self._log, chain)

    async def known_records(self, record_ids: Sequence[bytes]) -> dict[bytes, int]:
        """See LogStore.known_records."""
        return await self._directory.read(sqlite_read.known_records, self._log, record_ids)

    async def chain_indexes(self, chain: str, first_seq: int, count: int) -> list[int]:
        """See LogStore.chain_indexes."""
        return await self._directory.read(sqlite_read.chain_indexes, self._log, chain, first_seq, count)

    async def chain_period(
        self, chain: str, from_us: int, to_us: int, after_seq: int, count: int
    ) -> list[tuple[int, int]]:
        """See LogStore.chain_period."""
        return await self._directory.read(sqlite_read.chain_period, self._log, chain, from_us, to_us, after_seq, count)

    async def time_range(self, from_us: int, to_us: int) -> tuple[int, int]:
        """See LogStore.time_range."""
        return await self._directory.read(sqlite_read.time_range, self._log, from_us, to_us)

    async def digest_indexes(self, prefix: bytes, count: int) -> list[int]:
        """See LogStore.digest_indexes."""
        return await self._directory.read(sqlite_read.digest_indexes, self._log, prefix, count)

    async def submitter_runs(
        self, submitter: str, from_us: int, to_us: int, after_index: int, count: int
    ) -> list[Submission]:
        """See LogStore.submitter_runs."""
        return await self._directory.read(
            sqlite_read.submitter_runs, self._log, submitter, from_us, to_us, after_index, count
        )
