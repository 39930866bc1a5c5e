"""`audit`: `custody audit` over a month of 100 cameras in a million entries, then over the next 10,000.

Each audit is a process of its own, from its start to its exit: reading, checking, replaying, judging, the text, and
keeping the state. Memory is the proportional set of it and its children together, sampled. The limit is the log check alone,
without the rules. Making the log takes longer than auditing it, hence LONG.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from bench.big_log import ORIGIN
from bench.custody_month import START_US, custody_commits
from bench.figures import Figure, figure
from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.note import SignatureType, SignerKey
from custody.server.store.protocol import Commit
from custody.server.store.sqlite import SqliteDirectory
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.sqlite_log import SqliteLog

NAME = "audit"
LONG = True
ENTRIES = int(os.environ.get("BENCH_AUDIT_ENTRIES", "1000000"))
MORE = 10_000
BATCH = 1_000
_SAMPLE_S = 0.1
_HZ = os.sysconf("SC_CLK_TCK")


def run() -> list[Figure]:
    """Makes the log; audits it; makes it longer; audits the rest."""
    with tempfile.TemporaryDirectory(prefix="custody-bench-") as folder:
        database, state = Path(folder) / "ledger.db", Path(folder) / "audit-state"
        key = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes(range(32)))
        commits = custody_commits(ENTRIES + MORE, BATCH)
        begin = time.perf_counter()
        asyncio.run(_fill(database, islice(commits, ENTRIES // BATCH), key, new=True))
        made = time.perf_counter() - begin
        cores = len(os.sched_getaffinity(0))
        command = [
            str(Path(sys.executable).with_name("custody")), "audit", str(database), "--key", key.vkey.encode(),
            "--state", str(state), "--at", "2026-02-01",
        ]  # fmt: skip
        limit = _log_only(database, key, cores)
        whole_s, whole_mb, whole_cpu_s = _measure(command)
        state_mb = state.stat().st_size / 1e6
        asyncio.run(_fill(database, commits, key, new=False))
        more_s, more_mb, more_cpu_s = _measure(command)
        page_s, _, _ = _measure([*command, "--html", str(Path(folder) / "report.html")])
        page_mb = (Path(folder) / "report.html").stat().st_size / 1e6
    size = f"{ENTRIES:,} entries"
    return [
        figure(f"audit, {size}, {cores} processes", whole_s, "s", aim=20 * ENTRIES / 1e6, limit=limit),
        figure(f"audit, {size}, processor time of all processes", whole_cpu_s, "s", aim=20 * cores * ENTRIES / 1e6),
        figure(f"audit, {size}, peak memory", whole_mb, "MB", aim=1_000),
        figure(f"audit, the next {MORE:,} entries", more_s, "s", aim=1),
        figure(f"audit, the next {MORE:,} entries, processor time", more_cpu_s, "s"),
        figure(f"audit, the next {MORE:,} entries, peak memory", more_mb, "MB"),
        figure("audit, nothing new, with the HTML report", page_s, "s"),
        figure("HTML report", page_mb, "MB"),
        figure("remembered state", state_mb, "MB"),
        figure("making the log", made, "s"),
    ]


async def _fill(path: Path, commits: Iterator[Commit], key: SignerKey, *, new: bool) -> None:
    directory = await SqliteDirectory.open_file(path, create=new)
    try:
        store = await directory.create(ORIGIN, [key.vkey.encode()], START_US) if new else await directory.open(ORIGIN)
        for commit in commits:
            await store.commit(commit)
            checkpoint = Checkpoint(origin=ORIGIN, size=commit.size, root=commit.root)
            note = sign_checkpoint(checkpoint, [key]).note.encode()
            await store.publish((await store.state()).head, commit.size, note)
    finally:
        await directory.close()


def _log_only(path: Path, key: SignerKey, workers: int) -> float:
    begin = time.perf_counter()
    audit_log(AuditPlan(open_log=partial(SqliteLog.open, path, 1), keys=(key.vkey,), workers=workers, index=False))
    return time.perf_counter() - begin


def _measure(command: Sequence[str]) -> tuple[float, float, float]:
    """Seconds, peak megabytes and processor seconds of a command and all of its children."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak = 0.0
    spent: dict[int, float] = {}
    done = threading.Event()

    def sample() -> None:
        nonlocal peak
        while not done.wait(_SAMPLE_S):
            peak = max(peak, _megabytes(process.pid, spent))

    thread = threading.Thread(target=sample)
    thread.start()
    _, told = process.communicate()
    took = time.perf_counter() - begin
    done.set()
    thread.join()
    if process.returncode not in {0, 1}:
        raise RuntimeError(f"the audit failed: {told}")
    return took, peak, sum(spent.values())


def _megabytes(pid: int, spent: dict[int, float]) -> float:
    """Proportional set size, so that pages that processes share count once; notes the processor time of each process."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii")
            spent[one] = (
                sum(map(int, Path(f"/proc/{one}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[11:13]))
                / _HZ
            )
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text(encoding="ascii").split())
        except (OSError, StopIteration):
            continue  # it ended between two reads
    return total / 1000
