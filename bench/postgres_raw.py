"""What PostgreSQL itself can take: the very same rows, into the same tables and indexes, with nothing around them.

Rows are made ahead of the measurement and written in three ways (the commit's own statement, COPY in a transaction for each
batch, one COPY of all). This benchmark sets the store alone beside the fastest; `append-postgres` has the whole ledger's own
rows for that (`same_rows`).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from bench.figures import Figure, figure, percentile
from bench.footage_commits import footage_commits
from custody.server.store.postgres.commit import COMMIT, arguments
from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.postgres.pages import OpenPages
from custody.server.store.protocol import Commit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "programs"))

NAME = "store-postgres"
LONG = False

VKEYS = ["bench.example+00000000+AQ=="]
TABLES = (
    *("entry_run", "record", "tile", "edge", "batch", "submission", "tail", "chain", "chain_page", "digest_page"),
    *("checkpoint", "log"),
)


async def raw_limit(dsn: str, commits: Sequence[Commit]) -> dict[str, float]:
    """Entries per second of each way to write these commits, into a fresh log each."""
    directory = await PostgresDirectory.connect(dsn, create=True)
    entries = commits[-1].size
    found = {}
    try:
        for name, way in {"statement": _by_statement, "copy": _by_copy, "copy at once": _all_at_once}.items():
            store = await directory.create(f"bench.example/raw-{name.replace(' ', '-')}", VKEYS, 0)
            await store.partitions.reach(entries)
            server, log = store._server, store._log
            pages = OpenPages({})
            prepared = [arguments(log, commit, pages) for commit in commits]
            begun = time.perf_counter()
            await server.writing(lambda connection, way=way, prepared=prepared: way(connection, prepared))
            found[name] = entries / (time.perf_counter() - begun)
    finally:
        await directory.close()
    return found


async def _by_statement(connection: Any, prepared: Sequence[list[Any]]) -> None:
    for values in prepared:
        await connection.fetch(COMMIT, *values)


async def _by_copy(connection: Any, prepared: Sequence[list[Any]]) -> None:
    for values in prepared:
        async with connection.transaction():
            await connection.execute(
                "UPDATE log SET size = $2, root = $3, sequenced_us = $4 WHERE log = $1", values[0], *values[4:7]
            )
            for table, columns, rows in copied_tables(values):
                if rows and (table != "chain" or not values[1]):  # the chains are the same ever after
                    await connection.copy_records_to_table(table, records=rows, columns=columns)


async def _all_at_once(connection: Any, prepared: Sequence[list[Any]]) -> None:
    together: dict[str, tuple[list[str], list[Any]]] = {}
    for values in prepared:
        for table, columns, rows in copied_tables(values):
            if table not in {"edge", "chain"}:
                together.setdefault(table, (columns, []))[1].extend(rows)
    async with connection.transaction():
        for table, (columns, rows) in together.items():
            await connection.copy_records_to_table(table, records=rows, columns=columns)


def copied_tables(values: list[Any]) -> list[tuple[str, list[str], list[Any]]]:
    """Table, columns and rows of the arguments of a commit."""
    log, old = values[0], values[1]
    index, count, data, ids, level, tile, hashes, _, _, piece_level, piece, piece_hashes, *rest = values[7:]
    submitter, first, width, runs, digests, _, number, longest, name, *pages = rest
    chain_pages, digest_pages = pages[:7], pages[7:]
    return [
        ("entry_run", ["log", "first_index", "count", "data"], _rows(log, index, count, data)),
        ("record", ["log", "leaf_index", "record_id"], _rows(log, *_records(old, ids))),
        ("tile", ["log", "level", "tile_index", "hashes"], _rows(log, level, tile, hashes)),
        ("edge", ["log", "level", "first_hash", "hashes"], _rows(log, piece_level, piece, piece_hashes)),
        ("batch", ["log", "sequenced_us", "first_index"], [(log, values[6], old)]),
        ("submission", ["log", "submitter", "first_index", "count"], _rows(log, submitter, first, width)),
        ("tail", ["log", "first_index", "runs", "digests"], [(log, old, runs, digests)]),
        ("chain", ["log", "chain", "longest_us", "name"], _rows(log, number, longest, name)),
        (
            "chain_page",
            ["log", "chain", "first_seq", "last_seq", "first_index", "from_us", "to_us", "runs"],
            _rows(log, *chain_pages),
        ),
        ("digest_page", ["log", "bucket", "first_index", "last_index", "digests"], _rows(log, *digest_pages)),
    ]


def _records(old: int, ids: str) -> tuple[Sequence[int], Sequence[bytes]]:
    keys = [bytes.fromhex(digits) for digits in ids[1:-1].split(",")]
    return range(old, old + len(keys)), keys


def _rows(log: int, *columns: Sequence[Any]) -> list[Any]:
    return [(log, *row) for row in zip(*columns, strict=True)]


async def store_speed(dsn: str, commits: Sequence[Commit], origin: str) -> tuple[float, list[float]]:
    """Entries per second through `LogStore.commit`, and the seconds of each commit."""
    directory = await PostgresDirectory.connect(dsn, create=True)
    try:
        store = await directory.create(origin, VKEYS, 0)
        each = []
        begun = time.perf_counter()
        for commit in commits:
            at = time.perf_counter()
            await store.commit(commit)
            each.append(time.perf_counter() - at)
        return commits[-1].size / (time.perf_counter() - begun), each
    finally:
        await directory.close()


async def bytes_per_entry(dsn: str, entries: int) -> dict[str, float]:
    """Bytes on disk by table, indexes and all, divided by the entries of all logs in the database."""
    connection = await asyncpg.connect(dsn)
    try:
        found = {}
        for table in TABLES:
            parts = await connection.fetchval(
                "SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_partition_tree($1::regclass)", table
            )
            whole = await connection.fetchval("SELECT pg_total_relation_size($1::regclass)", table)
            found[table] = max(int(parts), int(whole)) / entries
        return {"all": sum(found.values()), **found}
    finally:
        await connection.close()


async def fresh_schema(dsn: str, name: str) -> str:
    """Makes an empty schema; gives the DSN by which it is used."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"CREATE SCHEMA {name}")
    finally:
        await connection.close()
    return f"{dsn}{'&' if '?' in dsn else '?'}search_path={name}"


async def measure(dsn: str) -> list[Figure]:
    """What the store and the server alone reach, batch by batch."""
    figures = []
    for batch, count in [(1, 500), (16, 500), (256, 300), (4096, 30)]:
        commits = list(footage_commits(count, batch))
        own = await fresh_schema(dsn, f"store_{batch}")
        speed, each = await store_speed(own, commits, "bench.example/store")
        raw = await raw_limit(await fresh_schema(dsn, f"raw_{batch}"), commits)
        # One COPY of everything is no limit of a ledger: it must be durable after each batch.
        limit = max(raw["statement"], raw["copy"])
        figures += [
            figure(f"store.commit, batches of {batch}", speed, "entries/s", limit=limit),
            figure(f"store.commit, batches of {batch}, p50", percentile(each, 0.5) * 1000, "ms"),
            figure(f"store.commit, batches of {batch}, p99", percentile(each, 0.99) * 1000, "ms"),
            figure(f"one COPY of all {len(commits)} batches of {batch}", raw["copy at once"], "entries/s"),
        ]
        sizes = await bytes_per_entry(own, commits[-1].size)
        for table in ("all", "entry_run", "record", "tail"):
            figures.append(figure(f"on disk, batches of {batch}, {table}", sizes[table], "bytes/entry"))
    return figures


def run() -> list[Figure]:
    """On a server of its own."""
    from postgres_server import PostgresServer

    with PostgresServer() as server:
        return asyncio.run(measure(server.dsn("postgres")))
