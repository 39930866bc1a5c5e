"""Load on a ledger: receipted appends through the client library, by batch size and number of callers."""

import asyncio
import time
from dataclasses import dataclass

from bench.figures import Figure, figure, percentile
from bench.rig import ORIGIN, Rig, segment
from custody.client import LedgerClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`total` records in batches, from as many callers at once; each caller has a stream of its own."""

    batch: int
    callers: int
    total: int


LOADS = (
    Load(batch=1, callers=1, total=500),
    Load(batch=1, callers=64, total=8_000),
    Load(batch=16, callers=1, total=4_000),
    Load(batch=16, callers=64, total=40_000),
    Load(batch=256, callers=1, total=20_000),
    Load(batch=256, callers=8, total=150_000),
    Load(batch=256, callers=64, total=300_000),
)


async def append_speed(rig: Rig, load: Load) -> tuple[float, list[float]]:
    """Entries per second, and the seconds of each batch; every receipt is verified. Records are made ahead."""
    batches: list[list[bytes]] = []
    for number in range(load.total // load.batch):
        stream = f"site-12/cam-{number % load.callers:02d}"
        first = number // load.callers * load.batch
        batches.append([segment(stream, first + at + 1) for at in range(load.batch)])
    waiting = iter(batches)
    times: list[float] = []
    async with await LedgerClient.connect(rig.target, log=ORIGIN, vkeys=[rig.vkey], timeout_s=120) as client:

        async def caller() -> None:
            for batch in waiting:
                begin = time.perf_counter()
                await client.append(batch)
                times.append(time.perf_counter() - begin)

        begin = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(load.callers)))
        return load.total / (time.perf_counter() - begin), times


async def measure(rig: Rig, load: Load, *, aim: float | None = None, aim_p99_ms: float | None = None) -> list[Figure]:
    """Entries per second and latency."""
    speed, times = await append_speed(rig, load)
    label = f"batch {load.batch}, {load.callers} callers"
    return [
        figure(f"{label}: append", speed, "entries/s", aim=aim),
        figure(f"{label}: p50", percentile(times, 0.5) * 1e3, "ms"),
        figure(f"{label}: p99", percentile(times, 0.99) * 1e3, "ms", aim=aim_p99_ms),
    ]
