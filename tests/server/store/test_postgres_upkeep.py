"""What keeps the store flat: vacuum in fixed steps, and rows far apart fetched over several connections at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
from model_log import ModelLog, grow, random_items
from postgres_server import PostgresServer

from custody.server.sequencer import MAX_ROUND_RECORDS
from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.postgres.entry_read import ROWS_AT_ONCE
from custody.server.store.postgres.log import PostgresLog

GROWING = ("record", "submission", "chain_page", "digest_page", "tile")

_OPTIONS = """
SELECT c.relname AS name, coalesce(c.reloptions, '{}') AS options FROM pg_class c
WHERE c.relkind = 'r' AND c.oid IN (
    SELECT unnest($1::text[]::regclass[]) UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = 'entry_run'::regclass
)
"""

_WAITING = """
SELECT count(DISTINCT l.pid) FROM pg_locks l
WHERE NOT l.granted AND l.relation = (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'entry_run'::regclass)
"""


async def _grown(postgres: PostgresDirectory, rounds: int) -> tuple[PostgresLog, ModelLog]:
    store = await postgres.create("ledger.example", ["x"], 1)
    model = ModelLog()
    for seed in range(rounds):
        await grow(store, model, random_items(seed, 1_000))
    return store, model


async def test_a_growing_table_is_vacuumed_after_a_fixed_number_of_rows(
    postgres: PostgresDirectory, postgres_dsn: str
) -> None:
    await postgres.create("ledger.example", ["x"], 1)
    connection = await asyncpg.connect(postgres_dsn)
    try:
        options = {name: set(found) for name, found in await connection.fetch(_OPTIONS, [*GROWING, "tail", "edge"])}
    finally:
        await connection.close()
    assert len(options) == len(GROWING) + 3  # with the partition
    for name in ("tail", "edge"):
        assert "autovacuum_vacuum_scale_factor=0" in options.pop(name)
    for name, found in options.items():
        assert "autovacuum_vacuum_insert_scale_factor=0" in found, name


async def test_entries_far_apart_are_fetched_over_several_connections(
    postgres: PostgresDirectory, postgres_dsn: str
) -> None:
    store, model = await _grown(postgres, 10)
    wanted = list(range(3, 10_000, 16))
    parts = -(-len(wanted) // ROWS_AT_ONCE)
    assert parts > 1
    connection = await asyncpg.connect(postgres_dsn)
    try:
        async with connection.transaction():
            partition = await connection.fetchval(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'entry_run'::regclass"
            )
            await connection.execute(f"LOCK TABLE {partition} IN ACCESS EXCLUSIVE MODE")
            reading = asyncio.create_task(store.entries_at(wanted))
            async with asyncio.timeout(4):
                while await connection.fetchval(_WAITING) < parts:  # noqa: ASYNC110  (only the server knows)
                    await asyncio.sleep(0)
        found = await reading
    finally:
        await connection.close()
    assert [(one.index, one.entry) for one in found] == [(index, model.items[index].entry) for index in wanted]


async def test_a_full_round_is_committed_without_temporary_files() -> None:
    items = [replace(item, entry=item.entry.ljust(600, b"x")) for item in random_items(1, MAX_ROUND_RECORDS)]
    commit = ModelLog().commit(items)
    with PostgresServer({"temp_file_limit": "0"}) as server:
        directory = await PostgresDirectory.connect(server.dsn("postgres"), create=True)
        try:
            store = await directory.create("ledger.example", ["x"], 1)
            await store.commit(commit)
            assert (await store.state()).head.size == MAX_ROUND_RECORDS
        finally:
            await directory.close()
