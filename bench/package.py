"""`package`: a day of one camera out of a larger log, exported and checked.

`CUSTODY_BENCH_ENTRIES` (default 20,000; the issue asks for 1,000,000) entries of other cameras stand around the 8,640
segments (`CUSTODY_BENCH_SEGMENTS`). Footage is random bytes: hashing does not mind. Export time is without the copying,
which is measured as a plain copy of the same files; `sha256sum` runs once per processor on its share of the files.
"""

import asyncio
import os
import random
import shutil
import subprocess
import time
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.figures import Figure, figure
from bench.rig import ORIGIN, Rig, running, segment
from custody.client import LedgerClient
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.export.request import ExportRequest
from custody.export.run import ExportJob, run_export
from custody.v1 import record_pb2
from custody.verifier.log_report import Status
from custody.verifier.package.checkpoint_check import LogTrust
from custody.verifier.package.run import PackagePlan, verify_package
from custody.verifier.progress import progress_bar
from custody.verifier.trust import load_trust

NAME = "package"
LONG = True
SEGMENTS = int(os.environ.get("CUSTODY_BENCH_SEGMENTS", "8640"))
ENTRIES = int(os.environ.get("CUSTODY_BENCH_ENTRIES", "20000"))
FILE_BYTES = int(os.environ.get("CUSTODY_BENCH_FILE_BYTES", "65536"))
STREAM = "site-1/cam-1"
BEGIN_US = 1_770_000_000_000_000
LENGTH_US = 10_000_000


def run() -> list[Figure]:
    """Fills a log, exports, verifies."""
    with running() as rig:
        footage = rig.folder / "footage"
        asyncio.run(_fill(rig, footage))
        copying_s = _timed(lambda: shutil.copytree(footage, rig.folder / "copy"))
        figures = []
        for proofs in (False, True):
            out = rig.folder / f"package-{proofs}"
            export_s = _timed(lambda out=out, proofs=proofs: asyncio.run(_export(rig, footage, out, proofs=proofs)))
            name = "with" if proofs else "without"
            figures.append(figure(f"export besides copying, {name} proof files", export_s - copying_s, "s", aim=5))
            log_bytes = sum(path.stat().st_size for path in (out / "data/log").iterdir())
            entries = (out / "data/log/entries").stat().st_size
            proof_bytes = sum(path.stat().st_size for path in (out / "data").glob("proofs/*/*/*"))
            each = (log_bytes - entries + proof_bytes) / SEGMENTS
            figures.append(figure(f"proof bytes for each segment, {name} proof files", each, "bytes", aim=400))
        return figures + _verify(rig, rig.folder / "package-False", footage)


def _verify(rig: Rig, package: Path, footage: Path) -> list[Figure]:
    cores = len(os.sched_getaffinity(0))
    plan = PackagePlan(trust=LogTrust.of(load_trust([rig.vkey])), workers=cores)
    reports = []
    verify_s = _timed(lambda: reports.append(verify_package(package, plan, progress_bar)))
    if Status.FINDINGS in {check.status for check in reports[0].checks}:
        raise RuntimeError(f"the package is not fine: {reports[0].findings.kept[:3]}")
    paths = sorted(footage.rglob("*.mp4"))
    shares = [paths[share::cores] for share in range(cores)]
    total = SEGMENTS * FILE_BYTES

    def stranger() -> None:
        started = [subprocess.Popen(["sha256sum", *share], stdout=subprocess.DEVNULL) for share in shares if share]
        for process in started:
            process.wait()

    theirs = total / _timed(stranger) / 1e6
    return [figure("verification, everything", total / verify_s / 1e6, "MB/s", aim=0.9 * theirs, limit=theirs)]


def _timed(work: object) -> float:
    begin = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - begin


async def _fill(rig: Rig, footage: Path) -> None:
    """Segments of the camera, spread evenly among entries of others."""
    (footage / STREAM).mkdir(parents=True)
    client = await LedgerClient.connect(rig.target, log=ORIGIN, vkeys=[rig.vkey], timeout_s=60.0)
    async with client:
        others, batch = max(0, ENTRIES - SEGMENTS), []
        for number in range(1, SEGMENTS + 1):
            batch.append(_segment(footage, number))
            share = others * number // SEGMENTS - others * (number - 1) // SEGMENTS
            batch += [segment(f"site-1/other-{at % 50}", number) for at in range(share)]
            while len(batch) >= 1_000 or (batch and number == SEGMENTS):
                await client.append(batch[:1_000])
                batch = batch[1_000:]


def _segment(footage: Path, number: int) -> record_pb2.Record:
    name = f"{STREAM}/{number:06d}.mp4"
    content = random.randbytes(FILE_BYTES)
    (footage / name).write_bytes(content)
    at_us = BEGIN_US + (number - 1) * LENGTH_US
    told = record_pb2.Segment(
        stream=STREAM, number=number, duration_us=LENGTH_US, size_bytes=FILE_BYTES, file_sha256=sha256(content).digest(),
        path=name,
    )  # fmt: skip
    return record_pb2.Record(record_id=make_record_id(at_us, os.urandom(RANDOM_BYTES)), at_us=at_us, segment=told)


async def _export(rig: Rig, footage: Path, out: Path, *, proofs: bool) -> None:
    request = ExportRequest(
        log=ORIGIN, streams=(STREAM,), from_us=BEGIN_US, to_us=BEGIN_US + SEGMENTS * LENGTH_US, case_number="bench",
        recipient="", proof_files=proofs,
    )  # fmt: skip
    job = ExportJob(
        request=request, footage=footage, out=out, key=Ed25519PrivateKey.generate(), vkeys=[rig.vkey], disclosures={}
    )
    client = await LedgerClient.connect(rig.target, log=ORIGIN, vkeys=[rig.vkey], timeout_s=60.0)
    async with client:
        await run_export(client, job)
