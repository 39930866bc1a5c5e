"""The primary database dies and its standby is promoted, under real processes: ledger, signer, and a client with its outbox.

With a synchronous standby nothing is lost. With one that lagged, acknowledged commits are gone: the client does not
take the older head that a ledger shows, the ledger refuses to write because the signer is ahead, and nothing forks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from postgres_server import PostgresServer
from tests.client.camera_records import raw_segment
from tests.server.store.test_postgres_failover import caught_up, sql, until
from tests.system.postgres_house import PostgresHouse
from tests.system.programs import CUSTODY, ORIGIN, Program, run

from custody.client import Backoff, Drain, LedgerClient, Outbox
from custody.client.errors import LedgerUnavailable, RefusedError
from custody.core.errors import RollbackError

FAST = Backoff(base_s=0.005, cap_s=0.05)
LEASE_S = 24.0
"""Outlives the leader by many seconds, so that the successor only stands by until the test ends it."""
STATE = "SELECT (size, root, published, epoch)::text FROM log"


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
async def house(tmp_path: Path, primary: PostgresServer) -> AsyncIterator[PostgresHouse]:
    made = PostgresHouse(tmp_path, primary.dsn("postgres"))
    try:
        await made.make()
        yield made
    finally:
        await made.close()


def ledger(house: PostgresHouse, number: int, server: PostgresServer) -> Program:
    command = [CUSTODY, "serve", "--store", server.dsn("postgres"), "--signer", house.signer_target]
    command += ["--listen", house.targets[number], "--lease", str(LEASE_S)]
    house.ledgers[number] = program = Program(f"ledger {number}", command, house.folder / "log", ready="ledger ready")  # type: ignore[call-overload]
    return program


async def connect(house: PostgresHouse, number: int, timeout_s: float = 30) -> LedgerClient:
    """The recorder's client, with all that it remembers of the log."""
    return await LedgerClient.connect(
        house.targets[number],
        log=ORIGIN,
        vkeys=[house.vkey],
        state=f"{house.folder}/state.db",
        backoff=FAST,
        timeout_s=timeout_s,
    )


async def deliver(house: PostgresHouse, number: int, outbox: Outbox, numbers: range) -> int:
    """Puts records and waits for their receipts; returns the size of the checkpoint that the client holds then."""
    outbox.put_many([raw_segment(at) for at in numbers])
    async with await connect(house, number) as client:
        await Drain(outbox, client, batch_records=4, backoff=FAST).flush(30)
        assert outbox.count == 0
        return client.held.checkpoint.size


async def end_lease(server: PostgresServer) -> None:
    await sql(server, "UPDATE log SET lease_until = clock_timestamp()")


@pytest.mark.slow
async def test_a_failover_that_lost_acknowledged_commits_is_refused(
    house: PostgresHouse, primary: PostgresServer
) -> None:
    with closing(Outbox(f"{house.folder}/outbox.db")) as outbox, PostgresServer(copy_of=primary) as standby:
        first = ledger(house, 0, primary)
        await first.start()
        assert await deliver(house, 0, outbox, range(6)) == 6
        await caught_up(primary)
        standby.stop()
        assert await deliver(house, 0, outbox, range(6, 10)) == 10, "acknowledged, on the primary alone"
        primary.kill()
        await first.kill()
        standby.start()
        standby.promote()
        before = await sql(standby, STATE)
        # The successor stands by, because the lease of the dead one has not ended: it serves what it finds.
        second = ledger(house, 1, standby)
        await second.start()
        async with await connect(house, 1, timeout_s=1) as client:
            # It cannot show that the older head is a beginning of what the client holds, so the client does not take it.
            with pytest.raises((LedgerUnavailable, RefusedError, RollbackError)):
                await client.checkpoint()
            assert client.held.checkpoint.size == 10
        # Now it may lead, and refuses: the signer remembers.
        await end_lease(standby)
        assert await second.process.wait() == 2
        assert "signer-ahead" in (house.folder / "log").read_text()
        assert await sql(standby, STATE) == before, "nothing was written"
        assert "signed  size 10," in await run("signer", "status", "--socket", f"{house.sockets}/s", "--origin", ORIGIN)


@pytest.mark.slow
async def test_a_synchronous_failover_loses_nothing(house: PostgresHouse, primary: PostgresServer) -> None:
    with closing(Outbox(f"{house.folder}/outbox.db")) as outbox, PostgresServer(copy_of=primary) as standby:
        await caught_up(primary)
        await sql(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        await sql(primary, "SELECT pg_reload_conf()")
        await until(primary, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
        first = ledger(house, 0, primary)
        await first.start()
        assert await deliver(house, 0, outbox, range(10)) == 10
        primary.kill()
        await first.kill()
        standby.promote()
        await end_lease(standby)
        second = ledger(house, 1, standby)
        await second.start()
        assert await deliver(house, 1, outbox, range(10, 14)) == 14
        assert await second.terminate() == 0
        connection = await asyncpg.connect(standby.dsn("postgres"))
        assert await connection.fetchval("SELECT count(*) FROM record") == 14
        await connection.close()
        key = house.folder / "log.vkey"
        key.write_text(house.vkey + "\n")
        await run("verify", "log", standby.dsn("postgres"), "--key", key)
