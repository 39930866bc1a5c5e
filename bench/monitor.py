"""`monitor`: a full round of `custody monitor` over a folder of 1,000,000 entries in tiles, on all processors.

The log is made in a SQLite file, copied out once as a mirror would have it, and read by the monitor for the first time.
The limit is the hashing alone: the same bundles read from the same files and hashed to their roots.
"""

import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from bench.big_log import make_log
from bench.figures import Figure, figure
from custody.core.bundle import decode_bundle, encode_bundle
from custody.core.hashing import leaf_hash
from custody.core.tile import TILE_WIDTH, entries_path, new_tiles
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.verifier.monitor.watching import MonitorPlan, watch_once
from custody.verifier.sqlite_log import SqliteLog

NAME = "monitor"
LONG = True
ENTRIES = int(os.environ.get("CUSTODY_BENCH_ENTRIES", "1000000"))
AIM_S = 10.0


def run() -> list[Figure]:
    """Makes the log, writes its tiles, watches it twice."""
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="custody-bench-") as name:
        folder = Path(name)
        key = make_log(folder / "ledger.db", ENTRIES, batch=1_024)
        size = _export(folder / "ledger.db", folder / "tiles")
        limit = _hash_only(folder / "tiles", size, cores)
        plan = MonitorPlan(place=str(folder / "tiles"), keys=(key.vkey,), state=folder / "state", workers=cores)
        begin = time.perf_counter()
        done = watch_once(plan, time.time_ns() // 1000)
        full = time.perf_counter() - begin
        if done.size != size:
            raise RuntimeError(f"the log that was made for the measurement is not fine: {done.alarms[:5]}")
        begin = time.perf_counter()
        watch_once(plan, time.time_ns() // 1000)
        again = time.perf_counter() - begin
    scaled = full * 1_000_000 / size
    return [
        figure("full round", full, "s", limit=limit),
        figure("full round, scaled to 1,000,000 entries", scaled, "s", aim=AIM_S),
        figure("round with nothing new", again, "s"),
    ]


def _export(database: Path, folder: Path) -> int:
    log = SqliteLog.open(database, 1)
    last = log.last_checkpoint()
    if last is None:
        raise RuntimeError("the log has no checkpoint")
    for tile in new_tiles(0, last.size):
        path = folder / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(log.tiles(tile.level, tile.index, tile.index + 1)[tile.index])
        if tile.level == 0:
            first = tile.index * TILE_WIDTH
            runs = log.runs(first, first + TILE_WIDTH)
            entries = [entry for run in runs for entry in decode_bundle(run.data, run.count)]
            path = folder / entries_path(tile.index, tile.width)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_bundle(entries))
    (folder / "checkpoint").write_bytes(last.note)
    log.close()
    return last.size


def _hash_only(folder: Path, size: int, workers: int) -> float:
    bundles = -(-size // TILE_WIDTH)
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
        list(pool.map(_hash, [folder] * workers, [0] * workers, [1] * workers, [size] * workers))
        begin = time.perf_counter()
        firsts = range(0, bundles, 64)
        ends = [min(bundles, first + 64) for first in firsts]
        list(pool.map(_hash, [folder] * len(ends), firsts, ends, [size] * len(ends)))
        return time.perf_counter() - begin


def _hash(folder: Path, first: int, end: int, size: int) -> None:
    for index in range(first, end):
        width = min(TILE_WIDTH, size - index * TILE_WIDTH)
        data = (folder / entries_path(index, width)).read_bytes()
        extend(EMPTY_FRONTIER, [leaf_hash(entry) for entry in decode_bundle(data, width)])
