"""The stores under test: an empty SQLite file or an empty PostgreSQL schema for each test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from postgres_server import VARIABLE, PostgresServer

from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.protocol import LogDirectory, LogStore
from custody.server.store.sqlite import SqliteDirectory

ORIGIN = "ledger.example/site-1"
VKEYS = ("ledger.example/site-1+00000000+AQ==",)

Open = Callable[[], Awaitable[LogDirectory]]
_numbers = count()


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    """A database in which schemas can be made: its DSN."""
    given = os.environ.get(VARIABLE)
    if given:
        yield given
        return
    with PostgresServer({"max_connections": "200"}) as server:
        yield server.dsn("postgres")


@pytest.fixture
async def postgres_dsn(postgres_address: str) -> AsyncIterator[str]:
    """An empty schema in a database: made much faster than a database."""
    name = f"custody_test_{os.getpid()}_{next(_numbers)}"
    connection = await asyncpg.connect(postgres_address)
    try:
        await connection.execute(f"CREATE SCHEMA {name}")
        yield f"{postgres_address}{'&' if '?' in postgres_address else '?'}search_path={name}"
        await connection.execute(f"DROP SCHEMA {name} CASCADE")
    finally:
        await connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the directory under test, again and again on the same storage."""
    if request.param == "sqlite":
        return lambda: SqliteDirectory.open_file(tmp_path / "ledger.db", create=True)
    dsn = request.getfixturevalue("postgres_dsn")
    return lambda: PostgresDirectory.connect(dsn, create=True)


@pytest.fixture
async def directory(opened: Open) -> AsyncIterator[LogDirectory]:
    found = await opened()
    yield found
    await found.close()


@pytest.fixture
async def store(directory: LogDirectory) -> LogStore:
    """An empty log."""
    return await directory.create(ORIGIN, VKEYS, 1)


@pytest.fixture
async def postgres(postgres_dsn: str) -> AsyncIterator[PostgresDirectory]:
    """An empty directory in PostgreSQL."""
    found = await PostgresDirectory.connect(postgres_dsn, create=True)
    yield found
    await found.close()
