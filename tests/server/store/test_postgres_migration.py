"""Migrations: once, in order, the same everywhere, also when two processes begin at once."""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import pytest

from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.postgres.migration import migrations
from custody.server.store.protocol import StoreDamaged, StoreUnavailable

_MIGRATE = """
import asyncio, sys
from custody.server.store.postgres.directory import PostgresDirectory

async def main():
    directory = await PostgresDirectory.connect(sys.argv[1], create=True)
    await directory.close()

asyncio.run(main())
"""


async def test_processes_that_migrate_at_once_do_it_once(postgres_dsn: str) -> None:
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _MIGRATE, postgres_dsn, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    ended = [await process.communicate() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ended
    connection = await asyncpg.connect(postgres_dsn)
    rows = await connection.fetch("SELECT number, sha256 FROM migration WHERE number > 0 ORDER BY number")
    await connection.close()
    assert [(row["number"], row["sha256"]) for row in rows] == [(known.number, known.sha256) for known in migrations()]


async def test_without_the_word_to_create_nothing_is_made(postgres_dsn: str) -> None:
    with pytest.raises(StoreUnavailable, match="no ledger in this database"):
        await PostgresDirectory.connect(postgres_dsn)
    connection = await asyncpg.connect(postgres_dsn)
    assert await connection.fetchval("SELECT to_regclass('migration')") is None
    await connection.close()


@pytest.mark.parametrize(
    ("sql", "error", "says"),
    [
        ("UPDATE migration SET sha256 = '\\x00' WHERE number = 1", StoreDamaged, "not the one of this version"),
        ("INSERT INTO migration (number, name, sha256) VALUES (99, 'later', '')", StoreDamaged, "newer version"),
        ("DELETE FROM migration WHERE number = (SELECT max(number) FROM migration)", StoreUnavailable, "older version"),
    ],
)
async def test_another_schema_is_refused(
    postgres: PostgresDirectory, postgres_dsn: str, sql: str, error: type[Exception], says: str
) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(sql)
    await connection.close()
    with pytest.raises(error, match=says):
        await PostgresDirectory.connect(postgres_dsn)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        await PostgresDirectory.connect("postgresql://custody@/custody?host=/nonexistent")
