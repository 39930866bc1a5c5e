"""One PostgreSQL server: two pools of connections, and how a statement is run on them.

Writers and readers have pools of their own, so that a commit never waits for somebody's long read. Every write is one
statement in a transaction of its own: one round trip, durable when it returns. The session is never changed after it was
set up, so connections go back to the pool without being reset.

Settings of every session:
- `statement_timeout`, `lock_timeout`: nothing waits without end; a statement that runs into them was rolled back.
- `idle_in_transaction_session_timeout`: a paused process cannot hold locks.
- readers are read-only, and plan with the values at hand, so that partitions which cannot hold the answer are not locked;
  writers keep one generic plan, because planning would cost as much as writing.
- No plan may scan a whole table, however small it was when somebody last counted. `jit` is off: compiling costs more than
  any statement here.
- `work_mem` of writers holds the arrays of a full round; with the default of 4 MB every large commit went through a temporary
  file of megabytes. A commit needs it once, for milliseconds, and there are few writers.
- `default_toast_compression = lz4` where the server has it: entries become about a third smaller.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Self, TypeVar

import asyncpg

from custody.server.store.postgres.failure import is_lost, is_retry, while_reading, while_writing
from custody.server.store.protocol import OutcomeUnknown, StoreUnavailable

ATTEMPTS: Final = 3
"""How often a statement is sent when others made it fail; beyond that the caller decides."""

STATEMENT_TIMEOUT_S: Final = 10
LOCK_TIMEOUT_S: Final = 5
CONNECT_TIMEOUT_S: Final = 5
ANSWER_TIMEOUT_S: Final = STATEMENT_TIMEOUT_S + 5
"""When the server itself does not answer; more than it takes the server to give up, which is the clearer failure."""

WRITERS: Final = 4
READERS: Final = 8

T = TypeVar("T")


class Server:
    """Connections to one server. Safe for any number of tasks on one event loop."""

    def __init__(self, dsn: str) -> None:
        """Connects when first used, or in `connect`."""
        self._dsn = dsn
        self._writers: Any = None
        self._readers: Any = None

    @classmethod
    async def connect(cls, dsn: str, *, writers: int = WRITERS, readers: int = READERS) -> Self:
        """Opens both pools. Raises StoreUnavailable when the server cannot be reached or refuses."""
        server = cls(dsn)
        try:
            server._writers = await _pool(
                dsn, writers, {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "work_mem": "64MB"}
            )
            server._readers = await _pool(
                dsn,
                readers,
                {
                    "plan_cache_mode": "force_custom_plan",
                    "enable_seqscan": "off",
                    "default_transaction_read_only": "on",
                },
            )
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            await server.close()
            raise StoreUnavailable(f"cannot connect to PostgreSQL: {error or type(error).__name__}") from error
        return server

    async def read(self, sql: str, *values: Any) -> list[Any]:
        """Rows of one query. Raises StoreUnavailable or StoreDamaged; asks again when the connection was lost."""
        for left in reversed(range(ATTEMPTS)):
            try:
                async with self._readers.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                    return list(await connection.fetch(sql, *values))
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                if not left or not (is_retry(error) or is_lost(error)):
                    raise while_reading(error) from error
        raise AssertionError

    async def write(self, sql: str, *values: Any) -> list[Any]:
        """Rows of one statement that writes. Durable when it returns.

        Raises StoreUnavailable (nothing written), OutcomeUnknown, RecordExists or StoreDamaged. Cancelling it leaves
        the outcome unknown too.
        """
        return await self.writing(lambda connection: _execute(connection, sql, values))

    async def writing(self, action: Callable[[Any], Awaitable[T]]) -> T:
        """Runs `action` with a writer's connection, again when others made it fail; errors as in `write`.

        `action` must be one transaction.
        """
        for left in reversed(range(ATTEMPTS)):
            try:
                connection = await self._writers.acquire(timeout=CONNECT_TIMEOUT_S)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                if left and is_lost(error) and not isinstance(error, TimeoutError):
                    continue  # nothing was sent on it
                raise StoreUnavailable(f"no connection to write with: {error or type(error).__name__}") from error
            try:
                return await action(connection)
            except asyncpg.DataError:
                raise  # a value that no column takes: misuse, found before anything was sent
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                if not left or not is_retry(error):
                    raise while_writing(error) from error
            finally:
                await self._writers.release(connection)
        raise AssertionError

    async def close(self) -> None:
        """Ends all connections; what is still being written is cut off after a moment."""
        for pool in (self._writers, self._readers):
            if pool is not None:
                try:
                    async with asyncio.timeout(CONNECT_TIMEOUT_S):
                        await pool.close()
                except TimeoutError:
                    pool.terminate()


async def _execute(connection: Any, sql: str, values: tuple[Any, ...]) -> list[Any]:
    warnings: list[Any] = []

    def note(_: Any, message: Any) -> None:
        warnings.append(message)

    connection.add_log_listener(note)
    try:
        rows = await connection.fetch(sql, *values)
    finally:
        # A connection that was lost is given back already; what it was lost by is what the caller must hear.
        with suppress(asyncpg.InterfaceError):
            connection.remove_log_listener(note)
    if warnings:
        # "Canceling wait for synchronous replication": committed here, but not on the standby that was promised. The
        # server reports it as a success with a warning. To us it is not durable, and only a reload tells what is.
        raise OutcomeUnknown(f"PostgreSQL warned while committing: {warnings[0]}")
    return list(rows)


async def _pool(dsn: str, size: int, settings: dict[str, str]) -> Any:
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=ANSWER_TIMEOUT_S,
        max_cached_statement_lifetime=0,
        init=_prepare_session,
        reset=_keep_session,
        server_settings={
            "application_name": "custody",
            "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
            "lock_timeout": f"{LOCK_TIMEOUT_S}s",
            "idle_in_transaction_session_timeout": f"{STATEMENT_TIMEOUT_S}s",
            "client_min_messages": "warning",
            "jit": "off",
            **settings,
        },
    )


async def _prepare_session(connection: Any) -> None:
    # Record ids travel as the 16 bytes that they are.
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")
    await connection.execute(
        "SELECT set_config('default_toast_compression', 'lz4', false) FROM pg_settings"
        " WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
    )


async def _keep_session(_: Any) -> None:
    """Nothing to undo: no statement of ours leaves anything in the session."""
