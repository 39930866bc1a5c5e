"""`verify-log`: `custody verify log` on a file of 250,000 entries of 200 cameras, on one and on all processors.

The limit is the hashing alone: the same runs read from the same file by as many processes, each entry hashed as a leaf
and each bundle to its root; no parsing, no chains, no index.
"""

import os
import sqlite3
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from bench.big_log import make_log
from bench.figures import Figure, figure
from custody.core.bundle import decode_bundle
from custody.core.hashing import leaf_hash
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.log_report import Status
from custody.verifier.sqlite_log import SqliteLog

NAME = "verify-log"
LONG = False
ENTRIES = 250_000
AIM = 300_000
"""Entries/s on two processors."""


def run() -> list[Figure]:
    """Makes the log once; checks it with one process and with all."""
    cores = len(os.sched_getaffinity(0))
    figures = []
    with tempfile.TemporaryDirectory(prefix="custody-bench-") as folder:
        path = Path(folder) / "ledger.db"
        key = make_log(path, ENTRIES)
        for workers in sorted({1, cores}):
            limit = _hash_only(path, workers)
            plan = AuditPlan(open_log=partial(SqliteLog.open, path, 1), keys=(key.vkey,), workers=workers)
            begin = time.perf_counter()
            report = audit_log(plan)
            took = time.perf_counter() - begin
            if report.status is not Status.FINE:
                raise RuntimeError(f"the log that was made for the measurement is not fine: {report.findings.kept}")
            name = f"verify log, {workers} process{'es' if workers > 1 else ''}"
            aim = AIM if workers == cores else None
            figures.append(figure(name, report.size / took, "entries/s", aim=aim, limit=limit))
        figures.append(figure("database", path.stat().st_size / report.size, "bytes/entry"))
    return figures


def _hash_only(path: Path, workers: int) -> float:
    with sqlite3.connect(path) as database:
        (size,) = database.execute("SELECT size FROM log").fetchone()
    step = 64 * 256
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
        list(pool.map(_hash_range, [path] * workers, [0] * workers, [0] * workers))
        begin = time.perf_counter()
        firsts = range(0, size, step)
        list(pool.map(_hash_range, [path] * len(firsts), firsts, [first + step for first in firsts]))
        return size / (time.perf_counter() - begin)


def _hash_range(path: Path, first: int, end: int) -> None:
    database = sqlite3.connect(path)
    rows = database.execute(
        "SELECT count, data FROM entry_run WHERE first_index >= ? AND first_index < ?", (first, end)
    )
    for count, data in rows:
        extend(EMPTY_FRONTIER, [leaf_hash(entry) for entry in decode_bundle(data, count)])
    database.close()
