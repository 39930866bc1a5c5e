"""Two ledgers over one PostgreSQL, one signer, a recorder under load: 4 times 25 rounds of kill, pause and restart.

After every round: every record that was receipted stands where its receipt says; every checkpoint ever seen is still there
byte for byte; every checkpoint is signed and its root is that of the entries before it, which nobody has changed since; and
the epoch, which whoever writes has raised, never goes back. At the end `verify log` is clean and the outbox is empty.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from postgres_server import PostgresServer
from tests.client.camera_records import record_id
from tests.system.postgres_house import LEASE_S, Ledger, PostgresHouse
from tests.system.programs import ORIGIN, run
from tests.system.test_kill import RECOVERED_S, Recorder

from custody.core.bundle import decode_bundle
from custody.core.checkpoint import open_checkpoint
from custody.core.hashing import leaf_hash
from custody.core.note import VerifierKey
from custody.core.tree import EMPTY_FRONTIER, extend

RIGS = 4
ROUNDS = 25
SEED = 20_261_124


class Watchman:
    """Remembers what it saw of the log, and holds every later state against it."""

    def __init__(self, house: PostgresHouse) -> None:
        self._house = house
        self._key = VerifierKey.parse(house.vkey)
        self._notes: dict[int, bytes] = {}
        self._leaves: list[bytes] = []
        self._frontier = EMPTY_FRONTIER
        self._epoch = 0
        self.leaders: set[str] = set()

    async def look(self, receipts: dict[int, tuple[int, str]]) -> None:
        """Everything so far is as it was, and what is new fits behind it."""
        receipts = dict(receipts)
        connection = await asyncpg.connect(self._house.store)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                size, epoch, leader = await connection.fetchrow("SELECT size, epoch, leader FROM log")
                notes = dict(await connection.fetch("SELECT size, note FROM checkpoint"))
                runs = await connection.fetch("SELECT first_index, count, data FROM entry_run ORDER BY first_index")
        finally:
            await connection.close()
        leaves = [leaf_hash(entry) for _, count, data in runs for entry in decode_bundle(data, count)]
        assert len(leaves) == size
        assert leaves[: len(self._leaves)] == self._leaves, "an entry was changed or lost"
        assert notes.items() >= self._notes.items(), "a published checkpoint was lost or changed"
        assert epoch >= self._epoch, "the log was written by somebody who had lost it"
        for at in sorted(notes.keys() - self._notes.keys()):
            checkpoint = open_checkpoint(notes[at], self._key, origin=ORIGIN)
            self._frontier = extend(self._frontier, leaves[self._frontier.size : at]).frontier
            assert (checkpoint.size, checkpoint.root) == (at, self._frontier.root()), "a fork"
        self._notes, self._leaves, self._epoch = notes, leaves, epoch
        self.leaders.add(leader)
        published = max(notes)
        for number, (index, leaf) in receipts.items():
            assert index < published, "a receipt for what was not published"
            assert leaves[index].hex() == leaf, f"record {number} was receipted at {index} and is not there"

    async def check_all(self, put: int) -> None:
        """Every record that was put is in the log, once."""
        connection = await asyncpg.connect(self._house.store)
        try:
            found = [row[0].bytes for row in await connection.fetch("SELECT record_id FROM record")]
        finally:
            await connection.close()
        assert sorted(found) == sorted(record_id(number) for number in range(put + 1))


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
async def house(tmp_path: Path, postgres: PostgresServer) -> AsyncIterator[PostgresHouse]:
    made = PostgresHouse(tmp_path, postgres.dsn("postgres"))
    try:
        await made.make()
        for ledger in made.ledgers:
            await ledger.start()
        yield made
    finally:
        await made.close()


async def kill(ledger: Ledger) -> None:
    await ledger.kill()
    await ledger.start()


async def pause(ledger: Ledger) -> None:
    """For longer than its lease: the other one takes over, and then it wakes up."""
    ledger.pause()
    await asyncio.sleep(1.5 * LEASE_S)  # that it is paused for so long is the point
    ledger.wake()


async def restart(ledger: Ledger) -> None:
    assert await ledger.terminate() == 0
    await ledger.start()


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("rig", range(RIGS))
async def test_kill_pause_and_restart_at_random(house: PostgresHouse, postgres: PostgresServer, rig: int) -> None:
    chance = random.Random(SEED + rig)
    recorder, watchman = Recorder(house), Watchman(house)
    await recorder.start()
    try:
        for _ in range(ROUNDS):
            await recorder.progress()
            await asyncio.sleep(chance.uniform(0.005, 0.08))  # the instant is the point
            act = chance.choice([kill, kill, pause, pause, pause, restart, None])
            if act is None:
                postgres.kill()
                postgres.start()
            else:
                await act(chance.choice(house.ledgers))
            await watchman.look(recorder.receipts)
        await recorder.progress()
        assert recorder.program.process.stdin is not None
        recorder.program.process.stdin.close()
        await asyncio.wait_for(recorder.listened(), RECOVERED_S)
        assert recorder.drained
    finally:
        await recorder.kill()
    await watchman.look(recorder.receipts)
    await watchman.check_all(recorder.put)
    assert set(recorder.receipts) == set(range(recorder.put + 1))
    assert watchman.leaders >= set(house.targets), "both have led"
    for ledger in house.ledgers:
        assert await ledger.terminate() == 0
    key = house.folder / "log.vkey"
    key.write_text(house.vkey + "\n")
    await run("verify", "log", house.store, "--key", key)
