"""`append-postgres`: receipted appends through gRPC into PostgreSQL, beside the fastest raw insertion of the same rows."""

import asyncio
import sys
from pathlib import Path

from bench.append_load import Load, measure
from bench.figures import Figure
from bench.footage_commits import footage_commits
from bench.rig import running

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests" / "programs")]

from postgres_raw import raw_limit  # noqa: E402  (its folder is no package)
from postgres_server import PostgresServer  # noqa: E402

NAME = "append-postgres"
LONG = False
LOADS = (
    Load(batch=1, callers=1, total=300),
    Load(batch=256, callers=8, total=50_000),
    Load(batch=256, callers=64, total=150_000),
)
SETTINGS = {"max_wal_size": "4GB", "shared_buffers": "512MB", "wal_compression": "on"}


def run() -> list[Figure]:
    """The ledger first; then, on the same server and with nothing else running, the raw insertion."""
    figures: list[Figure] = []
    with PostgresServer(SETTINGS) as server:
        with running(server.dsn("postgres")) as rig:
            for load in LOADS:
                aim = 60_000 if load.callers == 64 else None
                figures += asyncio.run(measure(rig, load, aim=aim))
        raw = asyncio.run(raw_limit(server.dsn("postgres"), list(footage_commits(300, 256))))
    # One COPY of everything is no limit of a ledger: it must be durable after each batch.
    limit = max(raw["statement"], raw["copy"])
    for one in figures:
        if one["figure"].startswith("batch 256") and one["unit"] == "entries/s":
            one["limit"], one["ratio"] = limit, one["value"] / limit
    return figures
