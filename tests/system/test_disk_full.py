"""PostgreSQL's disk is full: the ledger says so, acknowledges nothing that is not kept, and goes on when there is room.

The disk is a limit on the size of files, which every process of the server has (`PostgresServer.limit_files`): the same in
every container, with no right to mount anything. Segments of the WAL have 1 MB, so that a limit above leaves the WAL alone and
meets a table, and one below meets the WAL, at which PostgreSQL panics, recovers and panics again, or cannot recover and ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from tests.client.camera_records import raw_segment
from tests.system.postgres_house import PostgresHouse
from tests.system.programs import ORIGIN, run

from custody.client import Backoff, Drain, LedgerClient, Outbox
from custody.client.errors import LedgerUnavailable, RefusedError

FAST = Backoff(base_s=0.005, cap_s=0.05)
BATCH = 1_024
ENOUGH = 40
"""Batches that no limit of this file leaves room for."""
PAGE = 8_192
TABLES_FULL = (1 << 20) + PAGE // 2
"""In the middle of a page: a write that is cut short is what PostgreSQL calls a full disk (SQLSTATE 53100)."""
WAL_FULL = (1 << 19) + PAGE // 2


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with PostgresServer({"min_wal_size": "2MB", "max_wal_size": "8MB"}, wal_segment_mb=1) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, server: PostgresServer) -> AsyncIterator[PostgresHouse]:
    made = PostgresHouse(tmp_path, server.dsn("postgres"))
    try:
        await made.make()
        await made.ledgers[0].start()
        yield made
    finally:
        await made.close()


async def connect(house: PostgresHouse, timeout_s: float) -> LedgerClient:
    return await LedgerClient.connect(
        house.targets[0], log=ORIGIN, vkeys=[house.vkey], backoff=FAST, timeout_s=timeout_s
    )


async def fill(house: PostgresHouse) -> tuple[int, str]:
    """Appends until the ledger cannot; returns how many records were acknowledged, and what the client was told."""
    async with await connect(house, 3) as client:
        for batch in range(ENOUGH):
            try:
                await client.append([raw_segment(number) for number in range(batch * BATCH, (batch + 1) * BATCH)])
            except (LedgerUnavailable, RefusedError) as error:
                # Refused: "does not write the log now", which the client has tried again for as long as it may.
                return batch * BATCH, str(error)
    raise AssertionError("the disk was never full")


async def go_on(house: PostgresHouse, acknowledged: int) -> None:
    """What was not acknowledged is sent again, by the outbox; then every rule of the log holds, and nothing is missing."""
    with closing(Outbox(f"{house.folder}/outbox.db")) as outbox:
        outbox.put_many([raw_segment(number) for number in range(acknowledged, acknowledged + BATCH + 10)])
        async with await connect(house, 30) as client:
            await Drain(outbox, client, batch_records=BATCH, backoff=FAST).flush(60)
            assert outbox.count == 0
            total = acknowledged + BATCH + 10
            assert client.held.checkpoint.size == total, "each record once"
            numbers = count(1)
            async for found in client.read_chain("footage/site-1/cam-1"):
                assert found.entry.links[0].seq == next(numbers)
            assert next(numbers) == total + 1
    key = house.folder / "log.vkey"
    key.write_text(house.vkey + "\n")
    await run("verify", "log", house.store, "--key", key)


@pytest.mark.slow
async def test_a_full_disk_stops_the_log_until_there_is_room(server: PostgresServer, house: PostgresHouse) -> None:
    server.limit_files(TABLES_FULL)
    acknowledged, told = await fill(house)
    said = (house.folder / "processes.log").read_text()
    assert "store-unavailable" in said
    assert "extend file" in said
    assert told
    server.limit_files(None)
    await go_on(house, acknowledged)


@pytest.mark.slow
async def test_a_full_disk_under_the_wal_crashes_postgresql_and_loses_nothing(
    server: PostgresServer, house: PostgresHouse
) -> None:
    server.limit_files(WAL_FULL)
    acknowledged, told = await fill(house)
    assert "PANIC" in (server.folder / "server.log").read_text()
    said = (house.folder / "processes.log").read_text()
    # Whoever met the panic first, a commit that may have been written or a statement that found no server.
    assert "store-outcome-unknown" in said or "store-unavailable" in said
    assert told
    server.kill()  # unless it has ended by itself, because it could not write when it recovered
    server.start()
    await go_on(house, acknowledged)
