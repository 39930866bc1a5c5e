"""The commits of a log that is stored, made again: what `append-postgres` writes with nothing around it.

Entries, rounds, stamps and notes are read from the log after the ledger has written it, and go once more through the
stamper. That must lead to the root that the ledger signed, or nothing is measured: so the rows are the very same. They
are written into fresh tables in the two fastest ways, each a transaction for a round, with its checkpoint in it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from bench.postgres_raw import copied_tables, fresh_schema
from custody.core.entry import decode_entry, encode_seal, sealed_record
from custody.core.hashing import EMPTY_ROOT
from custody.core.record import read_record
from custody.core.tree import EMPTY_FRONTIER
from custody.server.batch import Admitted
from custody.server.stamping import LogMemory, Stamper, settle
from custody.server.store.postgres.commit import COMMIT, arguments
from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.postgres.log import PostgresLog
from custody.server.store.postgres.pages import OpenPages
from custody.server.store.protocol import Commit, LogHead

ONE_STATEMENT = COMMIT.replace("sequenced_us = $7", "sequenced_us = $7, published = $5", 1).replace(
    "\nSELECT log FROM moved\n",
    ", kept AS (INSERT INTO checkpoint (size, log, note) SELECT $5, m.log, $40 FROM moved m)\nSELECT log FROM moved\n",
)
"""The ledger needs a second transaction for the checkpoint, because it is signed between the two; here it is known ahead."""

COMPARED = (
    "entry_run",
    "record",
    "tile",
    "edge",
    "submission",
    "tail",
    "chain",
    "chain_page",
    "digest_page",
    "checkpoint",
)

Way = Callable[[Any, list[Any], bytes], Awaitable[None]]


async def commits_of(dsn: str, origin: str) -> tuple[bytes, list[tuple[Commit, bytes]]]:
    """The note of the empty log, and every commit with the note that was published for it.

    Raises RuntimeError when they are not the same.
    """
    directory = await PostgresDirectory.connect(dsn)
    connection = await asyncpg.connect(dsn)
    try:
        store = await directory.open(origin)
        state = await store.state()
        firsts = await connection.fetch("SELECT first_index, sequenced_us FROM batch ORDER BY first_index")
        runs = await connection.fetch("SELECT first_index, count, submitter FROM submission ORDER BY first_index")
        notes = dict(await connection.fetch("SELECT size, note FROM checkpoint"))
        made = []
        memory = LogMemory(LogHead(0, EMPTY_ROOT, 0), EMPTY_FRONTIER, {}, {}, 0)
        ends = [row["first_index"] for row in firsts[1:]] + [state.head.size]
        waiting = iter(runs)
        for (_, sequenced_us), end in zip(firsts, ends, strict=True):
            stamper = Stamper(memory, sequenced_us)
            while stamper.next_index < end:
                first, count, submitter = next(waiting)
                stamper.add(submitter, await _items(store, first, count))
            stamped = stamper.finish()
            settle(memory, stamped)
            made.append((stamped.commit, notes[end]))
        if memory.head.root != state.head.root:
            raise RuntimeError("the commits that were made again do not lead to the root of the log")
        return notes[0], made
    finally:
        await connection.close()
        await directory.close()


async def _items(store: PostgresLog, first: int, count: int) -> list[Admitted]:
    items: list[Admitted] = []
    while len(items) < count:
        for _, raw in await store.entries(first + len(items), count - len(items)):
            entry = decode_entry(raw)
            items.append(
                Admitted(
                    read_record(entry.record),
                    sealed_record(entry.record, encode_seal(entry.seal) if entry.seal is not None else b""),
                )
            )
    return items


async def raw_seconds(
    dsn: str, origin: str, empty: bytes, commits: Sequence[tuple[Commit, bytes]], ends: Sequence[int]
) -> dict[str, list[float]]:
    """Seconds of each way to write all commits, up to each of the tree sizes in `ends`.

    Raises RuntimeError unless the tables are the same afterwards, row by row, as those of the ledger at `dsn`.
    """
    found = {}
    expected = await _contents(dsn)
    for name, way in (("statement", _by_statement), ("copy", _by_copy)):
        own = await fresh_schema(dsn, f"raw_{name}")
        directory = await PostgresDirectory.connect(own, create=True)
        try:
            store = await directory.create(origin, ["bench"], 0)
            await store.partitions.reach(commits[-1][0].size)
            await store.publish(LogHead(0, EMPTY_ROOT, 0), 0, empty)
            pages = OpenPages({})
            prepared = [(arguments(store._log, commit, pages), note) for commit, note in commits]
            found[name] = await store._server.writing(
                lambda connection, way=way, prepared=prepared: _timed(connection, way, prepared, ends)
            )
        finally:
            await directory.close()
        if name == "statement" and (
            wrong := [key for key, value in (await _contents(own)).items() if value != expected[key]]
        ):
            raise RuntimeError(f"the raw side has not written the very same rows into {', '.join(wrong)}")
    return found


async def _timed(
    connection: Any, way: Way, prepared: Sequence[tuple[list[Any], bytes]], ends: Sequence[int]
) -> list[float]:
    await connection.execute("CHECKPOINT")
    taken, begun, left = [], time.perf_counter(), list(ends)
    for values, note in prepared:
        await way(connection, values, note)
        if values[4] == left[0]:
            taken.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            left.pop(0)
            if not left:
                break
    return taken


async def _by_statement(connection: Any, values: list[Any], note: bytes) -> None:
    if not await connection.fetch(ONE_STATEMENT, *values, note):
        raise RuntimeError("the head of the raw log is another")


async def _by_copy(connection: Any, values: list[Any], note: bytes) -> None:
    async with connection.transaction():
        await connection.execute(
            "UPDATE log SET size = $2, root = $3, sequenced_us = $4, published = $2 WHERE log = $1",
            *(values[0], *values[4:7]),
        )
        for table, columns, rows in copied_tables(values):
            if table == "chain":
                await connection.executemany(
                    "INSERT INTO chain (log, chain, longest_us, name) VALUES ($1, $2, $3, $4)"
                    " ON CONFLICT (log, chain) DO UPDATE SET longest_us = excluded.longest_us",
                    rows,
                )
            elif rows:
                await connection.copy_records_to_table(table, records=rows, columns=columns)
        await connection.copy_records_to_table(
            "checkpoint", records=[(values[4], values[0], note)], columns=["size", "log", "note"]
        )


async def _contents(dsn: str) -> dict[str, tuple[int, int]]:
    connection = await asyncpg.connect(dsn)
    try:
        return {
            table: tuple(await connection.fetchrow(f"SELECT count(*), sum(hashtext(t::text)) FROM {table} t"))  # noqa: S608
            for table in COMPARED
        }
    finally:
        await connection.close()
