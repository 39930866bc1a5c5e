"""`kill -9` of the client at random instants: what was put is sent, once, and the checkpoint is never behind."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest
from tests.client.camera_records import record_id
from tests.client.clock import Connect
from tests.client.ledger_simulator import ORIGIN, LedgerSimulator

from custody.client import Drain, Outbox, State
from custody.core.tree_head import parse_body

ROUNDS = 50
HOUSE = Path(__file__).parents[2]


async def _one_life(ledger: LedgerSimulator, folder: Path, target: str, first: int, lines: int) -> int:
    """Lets a recorder live for some lines of its output; returns the last record that it said to be durable."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.client.outbox_child",
        str(folder / "outbox.db"), str(folder / "state.db"), target, ORIGIN, ledger.vkey, str(first),
        stdout=asyncio.subprocess.PIPE, cwd=HOUSE, env={**os.environ, "GRPC_VERBOSITY": "NONE"},
    )  # fmt: skip
    assert process.stdout is not None
    said = [(await process.stdout.readline()).decode() for _ in range(lines)]
    process.kill()
    rest, _ = await process.communicate()
    # What it managed to say before it died counts; half a line does not.
    said.extend(line + "\n" for line in rest.decode().split("\n")[:-1])
    assert all(said), "the recorder died by itself"
    return max([int(line.split()[1]) for line in said if line.startswith("put ")], default=first - 1)


def _check(ledger: LedgerSimulator, folder: Path, last: int) -> None:
    """Every acknowledged record waits or is in the log; what does not wait is below the remembered checkpoint."""
    ledger.check_log()
    outbox = Outbox(folder / "outbox.db")
    state = State(folder / "state.db")
    waiting = {one.record_id for one in outbox.oldest(1_000_000, 1 << 40)}
    note = state.checkpoint(ORIGIN)
    size = parse_body(note.partition(b"\n\n")[0] + b"\n").size if note else 0
    for number in range(last + 1):
        if record_id(number) not in waiting:
            assert ledger.tree.by_id[record_id(number)] < size
    outbox.close()
    state.close()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_kill_at_random_instants(
    ledger: LedgerSimulator, connect: Connect, sockets: Path, tmp_path: Path
) -> None:
    chance = random.Random(20_261_123)
    target = f"unix:{sockets / 'ledger'}"
    last = -1
    for _ in range(ROUNDS):
        ledger.lies.lose_answers = chance.randrange(2)
        last = max(last, await _one_life(ledger, tmp_path, target, last + 1, chance.randrange(1, 30)))
        _check(ledger, tmp_path, last)
    outbox = Outbox(tmp_path / "outbox.db")
    client = await connect(state=tmp_path / "state.db")
    await Drain(outbox, client).flush(60)
    assert outbox.count == 0
    assert outbox.dead_letters() == []
    assert client.conflicts() == []
    assert {record_id(number) for number in range(last + 1)} <= set(ledger.check_log())
    outbox.close()
