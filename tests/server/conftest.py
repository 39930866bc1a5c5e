"""A ledger rig in a fresh folder. Pauses between tries take no time."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from tests.server.ledger_rig import Rig
from tests.server.refusals import Served

from custody.server import sequencer
from custody.server.app import CHANNEL_OPTIONS, LedgerServer, Settings
from custody.v1 import ledger_pb2_grpc


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(sequencer, "LONGEST_PAUSE_S", 0.0)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = await Rig.make(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def served(rig: Rig) -> AsyncIterator[Served]:
    """The rig's log behind the real gRPC server, and a plain channel to it."""
    with tempfile.TemporaryDirectory(prefix="cy") as sockets:
        target = f"unix:{sockets}/l"
        rig.start()
        hosted = rig.hosted()
        server = LedgerServer([hosted], Settings(listen=[target]))
        await server.start()
        await rig.sequencer.ready.wait()
        await server.say_health(hosted, serving=True)
        async with grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
            yield Served(rig=rig, target=target, channel=channel, stub=ledger_pb2_grpc.LedgerStub(channel))
        await server.stop()
