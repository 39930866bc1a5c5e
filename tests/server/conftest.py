"""A ledger rig in a fresh folder. Pauses between tries take no time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.server.ledger_rig import Rig

from custody.server import sequencer


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(sequencer, "LONGEST_PAUSE_S", 0.0)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = await Rig.make(tmp_path)
    yield made
    await made.close()
