"""The rig's log with three real witnesses over HTTP, of which two are a quorum."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.server.ledger_rig import ORIGIN, Rig
from tests.witness.conftest import Served, cheap_scrypt

from custody.core.policy import Policy, parse_policy
from custody.server.witnessing.quorum import Mode, Witnesses, WitnessSettings
from custody.witness.decide import Held
from custody.witness.folder import create_witness

__all__ = ["cheap_scrypt"]


class Three:
    """Three witnesses; `stop` and `start` them one by one."""

    def __init__(self, rig: Rig, witnesses: list[Served]) -> None:
        self.rig = rig
        self.witnesses = witnesses
        self.policy = self._policy()
        self.made: Witnesses | None = None
        self._all: list[Witnesses] = []

    def _policy(self) -> Policy:
        lines = [f"witness w{n} {one.keys[0]} {one.url}" for n, one in enumerate(self.witnesses)]
        return parse_policy("\n".join([*lines, "group two 2 w0 w1 w2", "quorum two", ""]).encode())

    def settings(self, mode: Mode = Mode.REQUIRE) -> WitnessSettings:
        return WitnessSettings(policy=self.policy, mode=mode, deadline_s=5.0)

    def start_ledger(self, mode: Mode = Mode.REQUIRE) -> None:
        self.made = Witnesses(ORIGIN, self.settings(mode))
        self._all.append(self.made)
        self.rig.start()
        self.rig.sequencer._witnesses = self.made

    async def settled(self) -> None:
        """Returns when the ledger is up and no witness is being asked."""
        await self.rig.sequencer.ready.wait()
        assert self.made is not None
        await asyncio.gather(*self.made._tasks)

    async def close(self) -> None:
        for made in self._all:
            await made.close()


@pytest.fixture
async def three(rig: Rig, tmp_path: Path) -> AsyncIterator[Three]:
    witnesses = []
    for number in range(3):
        folder = tmp_path / f"w{number}"
        vkeys = create_witness(folder, f"witness.example/{number}", lambda: b"throw-away", ml_dsa=False)
        one = Served(folder, vkeys)
        await one.start()
        one.witness.memory.add_log(Held(origin=ORIGIN, keys=(rig.signer.signing.vkey,)))
        witnesses.append(one)
    made = Three(rig, witnesses)
    yield made
    await made.close()
    for one in witnesses:
        await one.stop()
