"""A simulated ledger on a Unix socket and clients of it. Time passes only when a test lets it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.clock import Clock, Connect
from tests.client.ledger_simulator import ORIGIN, LedgerSimulator, serve

from custody.client.aio import LedgerClient


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sockets() -> Iterator[Path]:
    # Unix socket paths are limited to about 100 bytes; pytest's own folders can be longer.
    with tempfile.TemporaryDirectory(prefix="cc") as folder:
        yield Path(folder)


@pytest.fixture
async def ledger(sockets: Path) -> AsyncIterator[LedgerSimulator]:
    simulator = LedgerSimulator()
    server = await serve(simulator, sockets / "ledger")
    yield simulator
    await server.stop(None)


@pytest.fixture
async def connect(ledger: LedgerSimulator, sockets: Path, clock: Clock) -> AsyncIterator[Connect]:
    opened: list[LedgerClient] = []

    async def make(**settings: Any) -> LedgerClient:
        settings.setdefault("target", f"unix:{sockets / 'ledger'}")
        settings.setdefault("log", ORIGIN)
        settings.setdefault("vkeys", [ledger.vkey])
        settings.setdefault("environment", clock.environment)
        client = await LedgerClient.connect(settings.pop("target"), **settings)
        opened.append(client)
        return client

    yield make
    for client in opened:
        await client.close()


@pytest.fixture
async def client(connect: Connect, tmp_path: Path) -> LedgerClient:
    return await connect(state=tmp_path / "state.db")
