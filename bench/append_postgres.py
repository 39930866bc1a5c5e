"""`append-postgres`: receipted appends through gRPC into PostgreSQL, beside the fastest raw insertion of the same rows."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg

from bench.append_load import Load, measure
from bench.figures import Figure, figure
from bench.rig import ORIGIN, running
from bench.same_rows import commits_of, raw_seconds

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / "programs")]

from postgres_server import PostgresServer  # noqa: E402  (its folder is no package)

NAME = "append-postgres"
LONG = False
SHORTER = int(os.environ.get("CUSTODY_BENCH_SHORTER", "1"))
"""Divides every load: for a look whether it still runs."""
LOADS = (
    Load(batch=1, callers=1, total=300 // SHORTER),
    Load(batch=256, callers=8, total=51_200 // SHORTER),
    Load(batch=256, callers=64, total=153_600 // SHORTER),
)
SETTINGS = {"max_wal_size": "4GB", "shared_buffers": "512MB", "wal_compression": "on"}


def run() -> list[Figure]:
    """The ledger first; then, on the same server and with nothing else running, its very rows into fresh tables."""
    figures: list[Figure] = []
    with PostgresServer(SETTINGS) as server:
        dsn = server.dsn("postgres")
        measured: list[tuple[list[Figure], int]] = []
        with running(dsn) as rig:
            for load in LOADS:
                aim = 60_000 if load.callers == 64 else None
                found = asyncio.run(measure(rig, load, aim=aim))
                measured.append((found, asyncio.run(_size(dsn))))
        raw = asyncio.run(_raw(dsn, [end for _, end in measured]))
    before = 0
    for place, (found, end) in enumerate(measured):
        seconds = {way: each[place] for way, each in raw.items()}
        fastest = min(seconds, key=seconds.__getitem__)
        limit = (end - before) / seconds[fastest]
        before = end
        found[0]["limit"], found[0]["ratio"] = limit, found[0]["value"] / limit
        label = found[0]["figure"].partition(":")[0]
        figures += [*found, figure(f"{label}: the same rows, raw, by {fastest}", limit, "entries/s")]
    return figures


async def _size(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT size FROM log"))
    finally:
        await connection.close()


async def _raw(dsn: str, ends: list[int]) -> dict[str, list[float]]:
    return await raw_seconds(dsn, ORIGIN, *await commits_of(dsn, ORIGIN), ends)
