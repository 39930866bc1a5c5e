"""`kill -9` of ledger, signer and recorder at random instants: 4 rigs of 50 rounds.

In every round one of the three processes dies in the middle of work and is started again; the others go on. After each:
every record that was receipted stands where its receipt says, every checkpoint ever seen is still there byte for byte, and
the whole log verifies. At the end every outbox drains, and each record that was put is in the log exactly once.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.client.camera_records import record_id
from tests.system.programs import ORIGIN, House, Program, run

from custody.core.bundle import decode_bundle
from custody.core.hashing import leaf_hash
from custody.core.note import VerifierKey
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.choose_log import choose_log
from custody.verifier.log_report import Status

RIGS = 4
ROUNDS = 50
SEED = 20_261_123
RECOVERED_S = 60


class Recorder:
    """The recorder's process, and everything it ever said, over all its lives."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.put = -1
        """The last record that was durable in the outbox."""
        self.receipts: dict[int, tuple[int, str]] = {}
        self.heard = asyncio.Event()
        self.drained = False
        self._program: Program | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def program(self) -> Program:
        assert self._program is not None
        return self._program

    async def start(self) -> None:
        folder = self._house.folder
        self._program = Program(
            "recorder",
            [sys.executable, "-m", "tests.system.recorder_child", f"{folder}/outbox.db", f"{folder}/state.db",
             self._house.target, ORIGIN, self._house.vkey, str(self.put + 1)],
            folder / "processes.log",
            ready="recorder ready",
        )  # fmt: skip
        await self._program.start()
        self._listening = asyncio.create_task(self._listen(self._program))

    async def kill(self) -> None:
        await self.program.kill()
        await self.listened()

    async def listened(self) -> None:
        """Returns when everything was heard that the process said before its end."""
        assert self._listening is not None
        await self._listening

    async def _listen(self, program: Program) -> None:
        while line := await program.read_line():
            if line.endswith("\n"):  # half a line was not said
                self._hear(line.split())

    def _hear(self, words: list[str]) -> None:
        match words:
            case ["put", number]:
                self.put = max(self.put, int(number))
            case ["got", number, index, leaf]:
                place = (int(index), leaf)
                assert self.receipts.setdefault(int(number), place) == place, "two places for one record"
                self.heard.set()
            case ["drained"]:
                self.drained = True
            case _:
                raise AssertionError(words)

    async def progress(self) -> None:
        """Returns after a new receipt: the ledger has recovered."""
        self.heard.clear()
        waiting = asyncio.create_task(self.heard.wait())
        assert self._listening is not None
        await asyncio.wait({waiting, self._listening}, timeout=RECOVERED_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        assert self.heard.is_set(), (
            f"no receipt any more:\n{(self._house.folder / 'processes.log').read_text()[-3_000:]}"
        )


class Auditor:
    """Remembers what it saw and holds every later state of the log against it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._key = VerifierKey.parse(house.vkey)
        self._notes: dict[int, bytes] = {}
        self._checked: set[int] = set()

    def check(self, receipts: dict[int, tuple[int, str]]) -> None:
        fresh = {number: place for number, place in receipts.items() if number not in self._checked}
        since = self._notes[max(self._notes)] if self._notes else b""
        report = audit_log(
            AuditPlan(open_log=choose_log(self._house.database, ORIGIN, [self._key]), keys=(self._key,), since=since)
        )
        assert not list(report.findings.blaming()), list(report.findings.blaming())
        assert not [check for check in report.checks if check.status is Status.FINDINGS]
        with closing(
            sqlite3.connect(f"file:{self._house.database}?mode=ro", uri=True, isolation_level=None)
        ) as database:
            database.execute("BEGIN")
            notes = dict(database.execute("SELECT size, note FROM checkpoint"))
            assert notes.items() >= self._notes.items(), "a published checkpoint was lost or changed"
            self._notes = notes
            assert all(index < max(notes) for index, _ in fresh.values()), "a receipt for what was not published"
            lowest = min((index for index, _ in fresh.values()), default=0)
            leaves: dict[int, str] = {}
            for first, count, data in database.execute(
                "SELECT first_index, count, data FROM entry_run WHERE first_index > ? - 256", (lowest,)
            ):
                leaves.update(
                    {at: leaf_hash(entry).hex() for at, entry in enumerate(decode_bundle(data, count), first)}
                )
        for number, (index, leaf) in fresh.items():
            assert leaves.get(index) == leaf, f"record {number} was receipted at {index} and is not there"
        self._checked.update(fresh)

    def check_all(self, put: int) -> None:
        with closing(sqlite3.connect(f"file:{self._house.database}?mode=ro", uri=True)) as database:
            found = [bytes(raw) for (raw,) in database.execute("SELECT record_id FROM record")]
        assert set(found) == {record_id(number) for number in range(put + 1)}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    try:
        await made.make()
        await made.ledger.start()
        yield made
    finally:
        await made.close()


@pytest.mark.slow
@pytest.mark.timeout(175)
@pytest.mark.parametrize("rig", range(RIGS))
async def test_kill_at_random_instants(house: House, rig: int) -> None:
    chance = random.Random(SEED + rig)
    recorder, auditor = Recorder(house), Auditor(house)
    await recorder.start()
    try:
        for _ in range(ROUNDS):
            await recorder.progress()
            await asyncio.sleep(chance.uniform(0.005, 0.08))  # the instant is the point
            victim = chance.choice([house.ledger, house.ledger, house.signer, recorder.program])
            if victim is recorder.program:
                await recorder.kill()
                await recorder.start()
            else:
                await victim.kill()
                await victim.start()
            auditor.check(recorder.receipts)
        await recorder.progress()
        assert recorder.program.process.stdin is not None
        recorder.program.process.stdin.close()
        await asyncio.wait_for(recorder.listened(), RECOVERED_S)
        assert recorder.drained
    finally:
        await recorder.kill()
    auditor.check(recorder.receipts)
    auditor.check_all(recorder.put)
    assert set(recorder.receipts) == set(range(recorder.put + 1))
    assert await house.ledger.terminate() == 0
    assert await house.signer.terminate() == 0
    key = house.folder / "log.vkey"
    key.write_text(house.vkey + "\n")
    await run("verify", "log", house.database, "--key", key)
