"""`package`: a day of one camera out of a larger log, exported and checked.

`CUSTODY_BENCH_ENTRIES` (default 100,000; the issue asks for 1,000,000) entries of other cameras stand around the 8,640
segments (`CUSTODY_BENCH_SEGMENTS`) of `CUSTODY_BENCH_FILE_BYTES` (default 16 KiB, where the number of files costs more than
their length), and around 256 of 2 MiB, as recorders write them. Footage is random bytes: hashing does not mind. Export time is
without the copying, which is measured as a plain copy of the same files; `sha256sum` runs once per processor on its share of
the files. Seconds of a processor stand beside those of the clock: the machine may be busy.
"""

import asyncio
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.figures import Figure, figure
from bench.rig import ORIGIN, Home, Rig, segment, serving, signing
from custody.client import LedgerClient
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.export.job import ExportJob
from custody.export.request import ExportRequest
from custody.export.run import run_export
from custody.server.admission import admit
from custody.server.app import now_us
from custody.server.batch import Outcome
from custody.server.pool import Pool
from custody.server.publication import Publication
from custody.server.remote_signer import RemoteSigner
from custody.server.sequencer import Sequencer
from custody.server.snapshot import Snapshots
from custody.server.store.sqlite import SqliteDirectory
from custody.v1 import ledger_pb2, record_pb2
from custody.verifier.log_report import Status
from custody.verifier.package.checkpoint_check import LogTrust
from custody.verifier.package.run import PackagePlan, verify_package
from custody.verifier.progress import progress_bar
from custody.verifier.trust import load_trust

NAME = "package"
LONG = True
SEGMENTS = int(os.environ.get("CUSTODY_BENCH_SEGMENTS", "8640"))
ENTRIES = int(os.environ.get("CUSTODY_BENCH_ENTRIES", "100000"))
FILE_BYTES = int(os.environ.get("CUSTODY_BENCH_FILE_BYTES", "16384"))
LARGE_SEGMENTS = int(os.environ.get("CUSTODY_BENCH_LARGE_SEGMENTS", "256"))
LARGE_BYTES = 2 << 20
BEGIN_US = 1_770_000_000_000_000
LENGTH_US = 10_000_000


class Camera(NamedTuple):
    """One camera with footage."""

    stream: str
    segments: int
    file_bytes: int

    def folder(self, footage: Path) -> Path:
        """Where its files lie."""
        return footage / self.stream


SMALL = Camera("site-1/cam-1", SEGMENTS, FILE_BYTES)
LARGE = Camera("site-1/cam-2", LARGE_SEGMENTS, LARGE_BYTES)


def run() -> list[Figure]:
    """Fills a log, exports, verifies."""
    with signing() as home:
        footage = home.folder / "footage"
        asyncio.run(_fill(home, footage))
        with serving(home) as rig:
            return [*_small(rig, footage), *_large(rig, footage)]


def _small(rig: Rig, footage: Path) -> list[Figure]:
    copying = _timed(lambda: shutil.copytree(SMALL.folder(footage), rig.folder / "copy"))
    figures = [figure("entries in the log", ENTRIES, "entries")]
    for proofs in (False, True):
        out = rig.folder / f"package-{proofs}"
        took = _timed(lambda out=out, proofs=proofs: asyncio.run(_export(rig, footage, SMALL, out, proofs=proofs)))
        name = "with" if proofs else "without"
        figures += [
            figure(f"export besides copying, {name} proof files", took.clock_s - copying.clock_s, "s", aim=5),
            figure(
                f"export besides copying, {name} proof files, processor of the exporter",
                took.processor_s - copying.processor_s,
                "s",
                aim=5,
            ),
        ]
        log_bytes = sum(path.stat().st_size for path in (out / "data/log").iterdir())
        entries = (out / "data/log/entries").stat().st_size
        proof_bytes = sum(path.stat().st_size for path in (out / "data").glob("proofs/*/*/*"))
        each = (log_bytes - entries + proof_bytes) / SEGMENTS
        aim = None if proofs else 400  # docs/adr/0006: a proof file is larger by its own format
        figures.append(figure(f"proof bytes for each segment, {name} proof files", each, "bytes", aim=aim))
    return figures + _verify(rig, SMALL, rig.folder / "package-False", footage)


def _large(rig: Rig, footage: Path) -> list[Figure]:
    out = rig.folder / "package-large"
    asyncio.run(_export(rig, footage, LARGE, out, proofs=True))
    return _verify(rig, LARGE, out, footage)


def _verify(rig: Rig, camera: Camera, package: Path, footage: Path) -> list[Figure]:
    """Both begin with the files in the page cache: what is compared is work, not the disk."""
    cores = len(os.sched_getaffinity(0))
    plan = PackagePlan(trust=LogTrust.of(load_trust([rig.vkey])), workers=cores)
    paths = sorted(camera.folder(footage).iterdir())
    shares = [paths[share::cores] for share in range(cores)]

    def stranger(*program: str) -> None:
        started = [subprocess.Popen([*program, *share], stdout=subprocess.DEVNULL) for share in shares if share]
        for process in started:
            process.wait()

    _timed(lambda: stranger("sha256sum"))
    reports = []
    ours = _timed(lambda: reports.append(verify_package(package, plan, progress_bar)))
    if Status.FINDINGS in {check.status for check in reports[0].checks}:
        raise RuntimeError(f"the package is not fine: {reports[0].findings.kept[:3]}")
    theirs = _timed(lambda: stranger("sha256sum"))
    # Debian's sha256sum knows no SHA instructions of the processor; OpenSSL does, as hashlib does.
    openssl = _timed(lambda: stranger("openssl", "dgst", "-sha256"))
    total = camera.segments * camera.file_bytes / 1e6
    name = f"verification, everything, files of {camera.file_bytes >> 10} KiB"
    aim = 0.9 * total / theirs.clock_s if camera is LARGE else None
    return [
        figure(name, total / ours.clock_s, "MB/s", aim=aim, limit=total / theirs.clock_s),
        figure(f"{name}, against OpenSSL", total / ours.clock_s, "MB/s", limit=total / openssl.clock_s),
        figure(f"{name}, processor", total / ours.processor_s, "MB/s", limit=total / openssl.processor_s),
    ]


class Took(NamedTuple):
    """Seconds by the clock, and of processors, children included."""

    clock_s: float
    processor_s: float


def _timed(work: Callable[[], object]) -> Took:
    begin, used = time.perf_counter(), _processor_s()
    work()
    return Took(time.perf_counter() - begin, _processor_s() - used)


def _processor_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


async def _fill(home: Home, footage: Path) -> None:
    """Segments of the cameras spread evenly among entries of others, by the ledger's own sequencer, without gRPC."""
    directory = await SqliteDirectory.open_file(home.folder / "ledger.db")
    async with grpc.aio.insecure_channel(home.signer) as channel:
        sequencer = Sequencer(
            store=await directory.open(ORIGIN), signer=RemoteSigner(channel), pool=Pool(), publication=Publication(),
            snapshots=Snapshots(interval_us=10**15, new_record_id=lambda _: b"", now_us=now_us()), now_us=now_us,
        )  # fmt: skip
        writing = asyncio.create_task(sequencer.run())
        waiting: list[asyncio.Task[Outcome]] = []
        try:
            for records in _batches(footage):
                batch = admit(ledger_pb2.AppendRequest(log=ORIGIN, records=records), "urn:custody:recorder:bench")
                waiting.append(asyncio.create_task(sequencer.submit(batch)))
                if len(waiting) == 8:
                    await asyncio.gather(*waiting)
                    waiting.clear()
            await asyncio.gather(*waiting)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await directory.close()


def _batches(footage: Path) -> Iterator[list[bytes]]:
    for camera in (SMALL, LARGE):
        camera.folder(footage).mkdir(parents=True)
    others, batch = max(0, ENTRIES - SEGMENTS - LARGE_SEGMENTS), []
    for number in range(1, SEGMENTS + 1):
        batch.append(_segment(SMALL, footage, number))
        if number <= LARGE_SEGMENTS:
            batch.append(_segment(LARGE, footage, number))
        share = others * number // SEGMENTS - others * (number - 1) // SEGMENTS
        batch += [segment(f"site-1/other-{at % 50}", number) for at in range(share)]
        while len(batch) >= 1_000 or (batch and number == SEGMENTS):
            yield batch[:1_000]
            batch = batch[1_000:]


def _segment(camera: Camera, footage: Path, number: int) -> bytes:
    name = f"{camera.stream}/{number:06d}.mp4"
    content = random.randbytes(camera.file_bytes)
    (footage / name).write_bytes(content)
    at_us = BEGIN_US + (number - 1) * LENGTH_US
    told = record_pb2.Segment(
        stream=camera.stream, number=number, duration_us=LENGTH_US, size_bytes=camera.file_bytes,
        file_sha256=sha256(content).digest(), path=name,
    )  # fmt: skip
    record = record_pb2.Record(record_id=make_record_id(at_us, os.urandom(RANDOM_BYTES)), at_us=at_us, segment=told)
    return record.SerializeToString()


async def _export(rig: Rig, footage: Path, camera: Camera, out: Path, *, proofs: bool) -> None:
    request = ExportRequest(
        log=ORIGIN, streams=(camera.stream,), from_us=BEGIN_US, to_us=BEGIN_US + camera.segments * LENGTH_US,
        case_number="bench", recipient="", proof_files=proofs,
    )  # fmt: skip
    job = ExportJob(
        request=request, footage=footage, out=out, key=Ed25519PrivateKey.generate(), vkeys=[rig.vkey], disclosures={}
    )
    client = await LedgerClient.connect(rig.target, log=ORIGIN, vkeys=[rig.vkey], timeout_s=60.0)
    async with client:
        await run_export(client, job)
