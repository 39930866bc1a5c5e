"""Failover to a streaming standby: with synchronous replication nothing is lost; without, the loss is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from model_log import ModelLog, random_items
from postgres_server import PostgresServer
from tests.server.ledger_rig import ORIGIN, Rig, open_signing, segment

from custody.core.errors import RollbackError
from custody.core.watch import Watch
from custody.server import sequencer
from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.protocol import OutcomeUnknown

Open = Callable[[PostgresServer], Awaitable[Rig]]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(sequencer, "LONGEST_PAUSE_S", 0.0)


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """A ledger over the log of any server, always with the one signer, whose memory no failover touches."""
    signing = open_signing(tmp_path / "signer")
    rigs: list[Rig] = []

    async def open_rig(server: PostgresServer) -> Rig:
        directory = await PostgresDirectory.connect(server.dsn("postgres"), create=not rigs)
        if rigs:
            store = await directory.open(ORIGIN)
        else:
            store = await directory.create(ORIGIN, [signing.vkey.encode()], 1)
        rig = Rig(tmp_path, directory, store, signing)  # type: ignore[arg-type]  # written for SQLite, at home anywhere
        rig.clock = rigs[0].clock if rigs else rig.clock
        rigs.append(rig)
        return rig

    yield open_rig
    for rig in rigs:
        await rig.crash()
        await rig.directory.close()


async def append(rig: Rig, first: int, count: int) -> None:
    for number in range(first, first + count):
        await rig.append([segment(10 * number + at) for at in range(3)])


async def sql(server: PostgresServer, statement: str) -> object:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def until(server: PostgresServer, question: str) -> None:
    """Asks the server again and again until it says yes."""
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        async with asyncio.timeout(30):
            while not await connection.fetchval(question):  # noqa: ASYNC110  (nothing tells us; the server has to be asked)
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def caught_up(primary: PostgresServer) -> None:
    """Returns when the standby has all that the primary has."""
    abreast = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"
    await until(primary, abreast)


async def test_a_synchronous_failover_loses_nothing(primary: PostgresServer, opened: Open) -> None:
    rig = await opened(primary)
    await append(rig, 0, 3)
    with PostgresServer(copy_of=primary) as standby:
        await caught_up(primary)
        await sql(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        await sql(primary, "SELECT pg_reload_conf()")
        await until(primary, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
        await append(rig, 3, 5)
        acknowledged = await rig.raw_store.state()
        primary.kill()
        await rig.crash()
        standby.promote()
        after = await opened(standby)
        assert (await after.raw_store.state()).checkpoint == acknowledged.checkpoint
        await append(after, 8, 3)
        state = await after.raw_store.state()
        assert state.head.size == state.published == 33
        await after.crash()
        await after.directory.close()


async def test_a_failover_that_lost_an_acknowledged_commit_is_refused(primary: PostgresServer, opened: Open) -> None:
    rig = await opened(primary)
    await append(rig, 0, 2)
    with PostgresServer(copy_of=primary) as standby:
        await caught_up(primary)
        standby.stop()
        await append(rig, 2, 3)  # acknowledged, on the primary alone
        seen = (await rig.raw_store.state()).checkpoint
        primary.kill()
        await rig.crash()
        standby.start()
        standby.promote()
        after = await opened(standby)
        before = await after.raw_store.state()
        # The signer remembers what it signed: the ledger does not start, and nothing is written.
        refused = await after.refused_start()
        assert getattr(refused, "code", None) == "signer-ahead"
        assert (await after.raw_store.state())[:-1] == before[:-1]
        # Whoever holds a checkpoint of the lost commits refuses what the log shows now.
        watch = Watch(ORIGIN, [rig.signer.signing.vkey], seen)
        with pytest.raises(RollbackError):
            watch.advance(before.checkpoint, [])
        await after.crash()
        await after.directory.close()


async def test_a_wait_for_the_standby_that_was_cut_short_is_no_success(primary: PostgresServer) -> None:
    directory = await PostgresDirectory.connect(primary.dsn("postgres"), create=True)
    store = await directory.create(ORIGIN, ["x"], 1)
    model = ModelLog()
    items = random_items(1, 5)
    commit = model.commit(items)
    await sql(primary, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await sql(primary, "SELECT pg_reload_conf()")
    await store.partitions.reach(0)
    writing = asyncio.create_task(store.commit(commit))
    await until(primary, "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
    with pytest.raises(OutcomeUnknown, match="warned while committing"):
        await writing
    # It is there on this server, which is what a reload finds out.
    model.accept(commit, items)
    assert (await store.state()).head == model.head
    await directory.close()
