"""`recorders`: 200 recorders, one batch of 16 each second, for five minutes: receipt times, and the server's memory.

`CUSTODY_BENCH_SECONDS` makes it shorter; the figures then say so.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from bench.figures import Figure, figure, percentile
from bench.rig import ORIGIN, Rig, running, segment
from custody.client import LedgerClient

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / "programs")]

from postgres_server import PostgresServer  # noqa: E402  (its folder is no package)

NAME = "recorders"
LONG = True
RECORDERS = 200
BATCH = 16
SECONDS = int(os.environ.get("CUSTODY_BENCH_SECONDS", "300"))


def run() -> list[Figure]:
    """Every recorder keeps to its own second; a receipt that takes longer delays only its own next batch."""
    with PostgresServer({"max_wal_size": "4GB", "shared_buffers": "512MB"}) as server:
        dsn = server.dsn("postgres")
        with running(dsn) as rig:
            return asyncio.run(_measure(rig, dsn))


async def _measure(rig: Rig, dsn: str) -> list[Figure]:
    times: list[float] = []
    memory: list[int] = []
    async with await LedgerClient.connect(rig.target, log=ORIGIN, vkeys=[rig.vkey], timeout_s=60) as client:
        begin = time.perf_counter() + 1

        async def recorder(number: int) -> None:
            for second in range(SECONDS):
                at = begin + second + number / RECORDERS
                await asyncio.sleep(max(0.0, at - time.perf_counter()))
                stream, first = f"site-{number}/cam-1", second * BATCH
                batch = [segment(stream, first + place + 1) for place in range(BATCH)]
                sent = time.perf_counter()
                await client.append(batch)
                times.append(time.perf_counter() - sent)

        async def watch() -> None:
            while True:
                memory.append(_resident_bytes(dsn))
                await asyncio.sleep(1)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(recorder(number) for number in range(RECORDERS)))
        took = time.perf_counter() - begin
        watching.cancel()
    label = f"{RECORDERS} recorders, {SECONDS} s"
    settled = memory[len(memory) // 3]  # by then every cache and pool has what it will ever have
    return [
        figure(f"{label}: append", len(times) * BATCH / took, "entries/s", aim=RECORDERS * BATCH),
        figure(f"{label}: p50 receipt", percentile(times, 0.5) * 1e3, "ms"),
        figure(f"{label}: p99 receipt", percentile(times, 0.99) * 1e3, "ms", aim=250),
        figure(f"{label}: memory at the beginning", memory[0] / 1e6, "MB"),
        figure(f"{label}: memory after a third", settled / 1e6, "MB"),
        figure(f"{label}: memory at the end", memory[-1] / 1e6, "MB", limit=settled / 1e6),
    ]


def _resident_bytes(dsn: str) -> int:
    """Memory of the ledger process, which is the one that was started with this storage."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
            if dsn in words and "serve" in words:
                return int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return 0
