"""`append-sqlite`: receipted appends through gRPC into the embedded store, beside raw inserts of the same bytes."""

import asyncio
import os
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.append_load import LOADS, measure
from bench.figures import Figure, figure
from bench.rig import running, segment

NAME = "append-sqlite"
LONG = False


def run() -> list[Figure]:
    """Each load against the same running ledger; then the raw limit with nothing else running."""
    figures: list[Figure] = []
    with running() as rig:
        for load in LOADS:
            aim = 60_000 if (load.batch, load.callers) == (256, 64) else None
            aim_p99 = 10.0 if (load.batch, load.callers) == (1, 1) else None
            figures += asyncio.run(measure(rig, load, aim=aim, aim_p99_ms=aim_p99))
        entries = sum(load.total for load in LOADS)
        size = sum(path.stat().st_size for path in rig.folder.glob("ledger.db"))
    limit = raw_insert(100_000)
    for one in figures:
        if one["figure"].startswith("batch 256") and one["unit"] == "entries/s":
            one["limit"], one["ratio"] = limit, one["value"] / limit
    figures.append(figure("bytes per entry on disk", size / entries, "bytes"))
    return figures


def raw_insert(total: int) -> float:
    """Rows per second of the fastest plain use of SQLite: one table, entries of the same size, 256 a transaction."""
    rows = [(at, segment("site-12/cam-00", at + 1) + os.urandom(103)) for at in range(total)]
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder) / "raw.db", isolation_level=None)) as run,
    ):
        run.execute("PRAGMA journal_mode = WAL")
        run.execute("PRAGMA synchronous = FULL")
        run.execute("CREATE TABLE entry (leaf_index INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT")
        begin = time.perf_counter()
        for at in range(0, total, 256):
            run.execute("BEGIN IMMEDIATE")
            run.executemany("INSERT INTO entry VALUES (?, ?)", rows[at : at + 256])
            run.execute("COMMIT")
        return total / (time.perf_counter() - begin)
