"""A desk at a real ledger: SQLite store, signer state and gRPC server in this process, commands run in a thread."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.desk.desk_rig import DeskRig
from tests.server.ledger_rig import Rig

from custody.server.app import LedgerServer, Settings


@pytest.fixture
async def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[DeskRig]:
    folder = tmp_path / "ledger"
    folder.mkdir()
    rig = await Rig.make(folder)
    with tempfile.TemporaryDirectory(prefix="cy") as sockets:
        target = f"unix:{sockets}/l"
        rig.start()
        hosted = rig.hosted()
        server = LedgerServer([hosted], Settings(listen=[target]))
        await server.start()
        await rig.sequencer.ready.wait()
        await server.say_health(hosted, serving=True)
        yield DeskRig(rig, target, tmp_path / "office", capsys)
        await server.stop()
    await rig.close()
