"""Connections that end, servers that die, statements that wait: what is said about the outcome is true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import model_log
import pytest
from model_log import ModelLog, random_items
from postgres_server import PostgresServer

from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.postgres.failure import while_reading, while_writing
from custody.server.store.postgres.log import PostgresLog
from custody.server.store.postgres.server import Server
from custody.server.store.protocol import (
    HeadMoved,
    LogStore,
    OutcomeUnknown,
    StoreDamaged,
    StoreError,
    StoreUnavailable,
)

ORIGIN = "ledger.example/site-1"


@pytest.fixture
async def log(postgres: PostgresDirectory) -> PostgresLog:
    return await postgres.create(ORIGIN, ["x"], 1)


@pytest.fixture
async def outsider(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else's session in the same database."""
    connection = await asyncpg.connect(postgres_dsn)
    yield connection
    await connection.close()


async def grow(store: LogStore, model: ModelLog, seed: int, size: int = 20) -> None:
    await model_log.grow(store, model, random_items(seed, size))


async def waiting(outsider: asyncpg.Connection) -> int:
    """The process of the session that waits for this session's lock, as soon as there is one."""
    while True:
        found = await outsider.fetchval(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        if found is not None:
            return int(found)
        await asyncio.sleep(0.01)


async def check_whole(store: LogStore, model: ModelLog) -> None:
    """The log is exactly what the model is: nothing of a failed batch is left."""
    state = await store.state()
    assert (state.head.size, state.head.root) == (model.head.size, model.head.root)
    assert await store.heads(state.head.size) == model.heads()
    assert [placed.entry for placed in await store.entries(0, 1024)] == [item.entry for item in model.items[:1024]]
    assert await store.tiles(list(model.tiles)) == model.tiles


async def test_a_commit_whose_connection_is_killed_has_an_unknown_outcome(
    log: PostgresLog, outsider: asyncpg.Connection
) -> None:
    model = ModelLog()
    await grow(log, model, 1)
    items = random_items(2, 20)
    async with outsider.transaction():
        await outsider.execute("SELECT FROM log FOR UPDATE")
        writing = asyncio.create_task(log.commit(model.commit(items)))
        await outsider.execute("SELECT pg_terminate_backend($1)", await waiting(outsider))
        with pytest.raises(OutcomeUnknown):
            await writing
    # Stop, reload, look: it was not written, so the same batch goes in, in a connection of the same pool.
    await check_whole(log, model)
    model.head = await log.fence(model.head)
    await grow(log, model, 2)
    await check_whole(log, model)


async def test_a_cancelled_commit_leaves_the_store_usable(log: PostgresLog, outsider: asyncpg.Connection) -> None:
    model = ModelLog()
    await grow(log, model, 3)
    async with outsider.transaction():
        await outsider.execute("SELECT FROM log FOR UPDATE")
        writing = asyncio.create_task(log.commit(model.commit(random_items(4, 5))))
        await waiting(outsider)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    await check_whole(log, model)
    await grow(log, model, 5, 300)
    await check_whole(log, model)


async def test_a_commit_that_waits_too_long_is_not_written(
    postgres: PostgresDirectory, postgres_dsn: str, outsider: asyncpg.Connection
) -> None:
    await postgres.create(ORIGIN, ["x"], 1)
    impatient = await PostgresDirectory.connect(f"{postgres_dsn}&options=-clock_timeout%3D1")
    try:
        log = await impatient.open(ORIGIN)
        await log._server.writing(lambda connection: connection.execute("SET lock_timeout = '20ms'"))
        model = ModelLog()
        async with outsider.transaction():
            await outsider.execute("SELECT FROM log FOR UPDATE")
            with pytest.raises(StoreUnavailable, match="lock timeout"):
                await log.commit(model.commit(random_items(6, 5)))
        await grow(log, model, 6, 5)
        await check_whole(log, model)
    finally:
        await impatient.close()


async def test_a_statement_that_takes_too_long_is_not_written(log: PostgresLog, outsider: asyncpg.Connection) -> None:
    model = ModelLog()
    await log._server.writing(lambda connection: connection.execute("SET statement_timeout = '30ms'"))
    async with outsider.transaction():
        await outsider.execute("SELECT FROM log FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="statement timeout"):
            await log.commit(model.commit(random_items(7, 5)))
    await check_whole(log, model)
    await log._server.writing(lambda connection: connection.execute("SET statement_timeout = '10s'"))
    await grow(log, model, 7, 5)


async def test_a_deadlock_is_tried_again(log: PostgresLog, outsider: asyncpg.Connection) -> None:
    tries = 0

    async def lock_in_the_other_order(connection: asyncpg.Connection) -> str:
        nonlocal tries
        tries += 1
        if tries > 1:
            return "done"
        async with connection.transaction():
            await connection.execute("SET LOCAL deadlock_timeout = '5ms'")
            await connection.execute("SELECT FROM migration WHERE number = 0 FOR UPDATE")
            locked.set()
            await waiting(connection)
            await connection.execute("UPDATE log SET term = term")
        return "no deadlock"

    locked = asyncio.Event()
    async with outsider.transaction():
        await outsider.execute("SET LOCAL deadlock_timeout = '60s'")  # the other one is to notice
        await outsider.execute("SELECT FROM log FOR UPDATE")
        writing = asyncio.create_task(log._server.writing(lock_in_the_other_order))
        await locked.wait()
        await outsider.execute("SELECT FROM migration WHERE number = 0 FOR UPDATE")
        assert await writing == "done"
    assert tries == 2


async def test_a_failure_that_does_not_pass_is_given_to_the_caller(log: PostgresLog) -> None:
    tries = 0

    async def fail(connection: asyncpg.Connection) -> None:
        nonlocal tries
        tries += 1
        raise asyncpg.SerializationError("could not serialize access")

    with pytest.raises(StoreUnavailable):
        await log._server.writing(fail)
    assert tries == 3


async def test_a_warning_at_commit_is_an_unknown_outcome(log: PostgresLog) -> None:
    # The server commits locally and warns when the wait for the synchronous standby is cut short.
    with pytest.raises(OutcomeUnknown, match="warned while committing"):
        await log._server.write("DO $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; END $$")


async def test_two_processes_fence_each_other(postgres: PostgresDirectory, postgres_dsn: str, log: PostgresLog) -> None:
    model = ModelLog()
    await grow(log, model, 8)
    second = await PostgresDirectory.connect(postgres_dsn)
    try:
        other = await second.open(ORIGIN)
        paused = model.commit(random_items(9, 5))
        model.head = await other.fence(model.head)
        # The former writer wakes up with a batch in hand, and after it with whatever it may think of.
        for attempt in (log.commit(paused), log.publish(paused.old, 20, b"note"), log.fence(paused.old)):
            with pytest.raises(HeadMoved):
                await attempt
        await check_whole(other, model)
        await grow(other, model, 9)
        await check_whole(other, model)
    finally:
        await second.close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (asyncpg.ConnectionDoesNotExistError("connection was closed"), OutcomeUnknown),
        (asyncpg.AdminShutdownError("terminating connection"), OutcomeUnknown),
        (asyncpg.CrashShutdownError("terminating connection"), OutcomeUnknown),
        (asyncpg.StatementCompletionUnknownError("who knows"), OutcomeUnknown),
        (ConnectionResetError("peer"), OutcomeUnknown),
        (TimeoutError(), OutcomeUnknown),
        (asyncpg.DiskFullError("no space left on device"), StoreUnavailable),
        (asyncpg.QueryCanceledError("statement timeout"), StoreUnavailable),
        (asyncpg.ReadOnlySQLTransactionError("standby"), StoreUnavailable),
        (asyncpg.TooManyConnectionsError("sorry"), StoreUnavailable),
        (asyncpg.InterfaceError("connection is closed"), OutcomeUnknown),
        (asyncpg.DataCorruptedError("invalid page"), StoreDamaged),
        (asyncpg.UndefinedTableError("relation tile does not exist"), StoreDamaged),
        (asyncpg.UniqueViolationError("tile_pkey"), StoreDamaged),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_every_failure_has_its_meaning(error: Exception, expected: type[StoreError]) -> None:
    assert type(while_writing(error)) is expected
    assert type(while_reading(error)) is (StoreUnavailable if expected is OutcomeUnknown else expected) or isinstance(
        error, asyncpg.UniqueViolationError
    )


# ---- a server that dies ----


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


async def test_a_crash_of_the_server_loses_nothing_that_was_acknowledged(own_server: PostgresServer) -> None:
    directory = await PostgresDirectory.connect(own_server.dsn("postgres"), create=True)
    log = await directory.create(ORIGIN, ["x"], 1)
    model = ModelLog()
    for round_number in range(3):
        for batch in range(5):
            await grow(log, model, 100 * round_number + batch)
        await log.publish(model.head, model.head.size, b"note %d" % model.head.size)
        own_server.kill()
        with pytest.raises((OutcomeUnknown, StoreUnavailable)):
            await log.commit(model.commit(random_items(999, 5)))
        with pytest.raises(StoreUnavailable):
            await log.state()
        own_server.start()
        await check_whole(log, model)  # the same object finds its way back
        assert (await log.state()).checkpoint == b"note %d" % model.head.size
        model.head = await log.fence(model.head)
    await directory.close()


async def test_reads_go_on_after_a_restart_without_anybody_noticing(own_server: PostgresServer) -> None:
    directory = await PostgresDirectory.connect(own_server.dsn("postgres"), create=True)
    log = await directory.create(ORIGIN, ["x"], 1)
    model = ModelLog()
    await grow(log, model, 1)
    own_server.stop()
    own_server.start()
    await check_whole(log, model)
    await directory.close()


async def test_closing_a_directory_twice_is_harmless(postgres_dsn: str) -> None:
    directory = await PostgresDirectory.connect(postgres_dsn, create=True)
    await directory.close()
    await directory.close()
    with pytest.raises(StoreUnavailable):
        await Server.connect("postgresql://custody@/none?host=/nonexistent")
