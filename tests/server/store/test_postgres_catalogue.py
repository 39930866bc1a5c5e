"""The rules of the schema, read from the live catalogue; and what is missing from it is noticed."""

from __future__ import annotations

import asyncpg
import pytest

from custody.server.store.postgres.catalogue import CONSTRAINTS, INDEXES, TABLES
from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.protocol import StoreDamaged

_ALONE = {"migration"}
"""The one table that belongs to no log; on a distributed engine it is a table of every node."""


async def _rows(dsn: str, sql: str, *, only_here: bool = False) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(sql)
        here = await connection.fetchval("SELECT current_schema()::regnamespace::oid")
        return [row for row in rows if not only_here or row["place"] == here]
    finally:
        await connection.close()


async def _run(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture
async def grown_dsn(postgres: PostgresDirectory, postgres_dsn: str) -> str:
    """A database with two logs."""
    await postgres.create("a.example", ["x"], 1)
    await postgres.create("b.example", ["x"], 1)
    return postgres_dsn


async def test_every_primary_and_unique_key_begins_with_the_log(grown_dsn: str) -> None:
    rows = await _rows(
        grown_dsn,
        """
        SELECT t.relname, k.relname AS index, a.attname AS first FROM pg_index i
        JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class k ON k.oid = i.indexrelid
        LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
        WHERE t.relnamespace = current_schema()::regnamespace
        """,
    )
    assert {row["relname"] for row in rows} >= set(TABLES)
    assert {row["index"]: row["first"] for row in rows if row["relname"] not in _ALONE and row["first"] != "log"} == {}


async def test_every_table_has_the_log_as_a_column_and_a_primary_key(grown_dsn: str) -> None:
    rows = await _rows(
        grown_dsn,
        """
        SELECT t.relname,
            EXISTS (SELECT FROM pg_attribute WHERE attrelid = t.oid AND attname = 'log' AND attnotnull) AS by_log,
            EXISTS (SELECT FROM pg_index WHERE indrelid = t.oid AND indisprimary) AS keyed
        FROM pg_class t WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p')
        """,
    )
    assert {row["relname"] for row in rows if not row["by_log"]} == _ALONE
    assert all(row["keyed"] for row in rows)


async def test_there_is_nothing_that_a_distributed_engine_lacks(grown_dsn: str) -> None:
    found = await _rows(
        grown_dsn,
        """
        SELECT 'foreign key' AS what, conname AS name, connamespace AS place FROM pg_constraint WHERE contype IN ('f', 'x', 't')
        UNION ALL SELECT 'sequence or view', relname, relnamespace FROM pg_class WHERE relkind NOT IN ('r', 'p', 'i', 'I', 't')
        UNION ALL SELECT 'not permanent', relname, relnamespace FROM pg_class WHERE relpersistence <> 'p'
        UNION ALL SELECT 'trigger', tgname, relnamespace FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
        UNION ALL SELECT 'rule', rulename, relnamespace FROM pg_rewrite JOIN pg_class c ON c.oid = ev_class
        UNION ALL SELECT 'function', proname, pronamespace FROM pg_proc
        UNION ALL SELECT 'identity', attname, relnamespace FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
            WHERE attidentity <> '' OR attgenerated <> ''
        """,
        only_here=True,
    )
    assert found == []


async def test_a_fresh_schema_is_what_the_check_expects(grown_dsn: str) -> None:
    rows = await _rows(
        grown_dsn,
        """
        SELECT conname, pg_get_constraintdef(c.oid) AS definition FROM pg_constraint c
        JOIN pg_class t ON t.oid = c.conrelid
        WHERE connamespace = current_schema()::regnamespace AND NOT t.relispartition AND contype IN ('p', 'u', 'c')
        """,
    )
    assert {row["conname"]: row["definition"] for row in rows} == CONSTRAINTS


@pytest.mark.parametrize("name", sorted(CONSTRAINTS))
async def test_a_lost_constraint_is_refused(grown_dsn: str, name: str) -> None:
    table = max((table for table in TABLES if name.startswith(f"{table}_")), key=len)
    await _run(grown_dsn, f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    with pytest.raises(StoreDamaged, match=name):
        await PostgresDirectory.connect(grown_dsn)


@pytest.mark.parametrize("name", sorted(INDEXES))
async def test_a_lost_index_is_refused(grown_dsn: str, name: str) -> None:
    await _run(grown_dsn, f"DROP INDEX {name}")
    with pytest.raises(StoreDamaged, match=name):
        await PostgresDirectory.connect(grown_dsn)


async def test_a_unique_index_that_is_not_the_same_is_refused(grown_dsn: str) -> None:
    await _run(grown_dsn, "ALTER TABLE record DROP CONSTRAINT record_pkey")
    await _run(grown_dsn, "ALTER TABLE record ADD CONSTRAINT record_pkey PRIMARY KEY (log, record_id, leaf_index)")
    with pytest.raises(StoreDamaged, match="record_pkey"):
        await PostgresDirectory.connect(grown_dsn)


async def test_an_invalid_unique_index_is_refused(grown_dsn: str) -> None:
    await _run(grown_dsn, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'record_pkey'::regclass")
    with pytest.raises(StoreDamaged, match="record_pkey"):
        await PostgresDirectory.connect(grown_dsn)


async def test_a_lost_table_is_refused(grown_dsn: str) -> None:
    await _run(grown_dsn, "DROP TABLE record")
    with pytest.raises(StoreDamaged, match="lost the table record"):
        await PostgresDirectory.connect(grown_dsn)
