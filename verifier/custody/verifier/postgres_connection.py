"""A read-only view of one moment of a PostgreSQL database, for code that is not asynchronous.

One repeatable-read transaction on one connection, driven by an event loop in a thread of its own: so the audit may be called
from anywhere, also from code that runs on an event loop. asyncpg is imported here and nowhere else in the verifier, and only
when a database is named: the verifier otherwise runs on the base dependencies alone.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from custody.verifier.log_reader import LogUnreadable

CONNECT_TIMEOUT_S: Final = 10
CLOSE_TIMEOUT_S: Final = 5
FETCH: Final = 1_000
"""Rows of a long answer that are held at once."""

T = TypeVar("T")


class PostgresView:
    """Connected when made. Raises LogUnreadable for whatever goes wrong, at any call. Used by one thread."""

    def __init__(self, dsn: str) -> None:
        if urlsplit(dsn).password is not None or "password=" in dsn:
            raise LogUnreadable(
                "a password in the address is seen by everyone on this machine; use a passfile", code="secret-in-argv"
            )
        try:
            import asyncpg
        except ImportError as error:
            raise LogUnreadable(
                "asyncpg is not installed; it is needed to read PostgreSQL", code="asyncpg-missing"
            ) from error
        self._expected = (
            *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
            *(OSError, TimeoutError, ValueError, OverflowError),
        )
        self._connection: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="custody-postgres", daemon=True)
        self._thread.start()
        try:
            self._connection = self._wait(asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S))
            self._wait(self._begin())
        except BaseException:
            self.close()
            raise

    async def _begin(self) -> None:
        # Record ids are the 16 bytes that they are.
        await self._connection.set_type_codec(
            "uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
        )
        await self._connection.execute("SET jit = off")
        await self._connection.execute("SET plan_cache_mode = force_custom_plan")
        await self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except self._expected as error:
            raise LogUnreadable(f"PostgreSQL: {error or type(error).__name__}") from error

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """All rows of a query."""
        found: list[Any] = self._wait(self._connection.fetch(sql, *values))
        return found

    def stream(self, sql: str, *values: Any) -> Iterator[list[Any]]:
        """Rows of a query in pieces, for answers that do not fit into memory."""
        cursor = self._wait(self._cursor(sql, values))
        while rows := self._wait(cursor.fetch(FETCH)):
            yield rows

    async def _cursor(self, sql: str, values: tuple[Any, ...]) -> Any:
        return await self._connection.cursor(sql, *values)

    def close(self) -> None:
        """Ends the connection and the thread."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(LogUnreadable):  # cut off already, which is as good
                self._wait(connection.close(timeout=CLOSE_TIMEOUT_S))
            self._wait(asyncio.sleep(0))  # one turn more: the socket is closed in it
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
