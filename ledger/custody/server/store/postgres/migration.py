"""Plain numbered SQL files, each applied once and recorded with its hash.

Two processes that migrate at once are put in order by the row number 0 of the table `migration` (`SELECT ... FOR
UPDATE`); everything that one of them does is one transaction, so a crash leaves the schema as it was.
"""

import hashlib
import re
from contextlib import suppress
from importlib import resources
from typing import Any, Final, NamedTuple

from custody.server.store.postgres.failure import MADE_MEANWHILE
from custody.server.store.protocol import StoreDamaged, StoreUnavailable

_FILE: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql", re.ASCII)

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS migration (
    number     integer NOT NULL,
    name       text NOT NULL,
    sha256     bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT migration_pkey PRIMARY KEY (number)
)
"""


class Migration(NamedTuple):
    """One file of store/schema/postgres."""

    number: int
    name: str
    sql: str
    sha256: bytes


def migrations() -> list[Migration]:
    """All migrations of this version, in order."""
    found = []
    for file in resources.files("custody.server.store").joinpath("schema/postgres").iterdir():
        match = _FILE.fullmatch(file.name)
        if match is None:
            raise ValueError(f"{file.name} is not the name of a migration")
        raw = file.read_bytes()
        found.append(Migration(int(match[1]), match[2], raw.decode(), hashlib.sha256(raw).digest()))
    return sorted(found)


async def migrate(connection: Any) -> list[int]:
    """Applies what is missing; returns the numbers. Raises StoreDamaged when the schema is not one of ours."""
    await _make_table(connection)
    async with connection.transaction():
        await connection.execute("SELECT FROM migration WHERE number = 0 FOR UPDATE")
        applied = await _applied(connection)
        missing = migrations()[len(applied) :]
        for migration in missing:
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO migration (number, name, sha256) VALUES ($1, $2, $3)",
                *(migration.number, migration.name, migration.sha256),
            )
    return [migration.number for migration in missing]


async def check_migrated(connection: Any) -> None:
    """Raises StoreUnavailable when there is no schema or an older one, StoreDamaged when it is not one of ours."""
    if not await connection.fetchval("SELECT to_regclass('migration') IS NOT NULL"):
        raise StoreUnavailable("there is no ledger in this database; create one with: custody log create")
    if len(await _applied(connection)) < len(migrations()):
        raise StoreUnavailable("the database has the schema of an older version; migrate it with: custody log create")


async def _make_table(connection: Any) -> None:
    # Another process may make it in this moment: IF NOT EXISTS does not see what is not committed yet.
    with suppress(*MADE_MEANWHILE):
        await connection.execute(_TABLE)
    await connection.execute(
        "INSERT INTO migration (number, name, sha256) VALUES (0, 'order', '') ON CONFLICT (number) DO NOTHING"
    )


async def _applied(connection: Any) -> list[int]:
    rows = await connection.fetch("SELECT number, sha256 FROM migration WHERE number > 0 ORDER BY number")
    known = migrations()
    if len(rows) > len(known):
        raise StoreDamaged("the database has the schema of a newer version; use that version")
    for row, migration in zip(rows, known, strict=False):
        if row["number"] != migration.number or row["sha256"] != migration.sha256:
            raise StoreDamaged(f"migration {row['number']} of the database is not the one of this version")
    return [row["number"] for row in rows]
