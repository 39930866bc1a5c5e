"""`web-verifier`: verify.html in headless Chromium checks a package of few long segments and one of many short ones.

The first is hashing and little else, the second everything but hashing. `CUSTODY_BENCH_SEGMENTS` (default 8,640, a day of a
camera) short segments of 16 KiB; `CUSTODY_BENCH_LONG_MIB` (default 96) is the length of each of the eight long ones. Opened from
the disk as a reader does it: choose the folder, give the key, press the button, wait for the verdict.
"""

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Page, sync_playwright

from bench.figures import Figure, figure
from bench.rig import ORIGIN, Rig, running
from custody.client import LedgerClient
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.export.job import ExportJob
from custody.export.request import ExportRequest
from custody.export.run import run_export
from custody.v1 import record_pb2
from custody.verifier.web import PAGE

NAME = "web-verifier"
LONG = True
SEGMENTS = int(os.environ.get("CUSTODY_BENCH_SEGMENTS", "8640"))
SHORT_BYTES = 16 << 10
LONG_SEGMENTS = 8
LONG_BYTES = int(os.environ.get("CUSTODY_BENCH_LONG_MIB", "96")) << 20
BEGIN_US = 1_770_000_000_000_000
LENGTH_US = 10_000_000
MOST_ROWS = 80
"""Rows of the list of segments that may be in the document at once."""


def run() -> list[Figure]:
    """Fills a log, exports two packages, checks both in the browser."""
    with running() as rig:
        footage = rig.folder / "footage"
        for stream, count, size in (
            ("site-1/long", LONG_SEGMENTS, LONG_BYTES),
            ("site-1/short", SEGMENTS, SHORT_BYTES),
        ):
            asyncio.run(_package(rig, footage, stream, count, size))
        key = rig.folder / "log.vkey"
        key.write_text(rig.vkey + "\n")
        with _browser() as page:
            long_s = _check(page, rig.folder / "long", key)
            short_s = _check(page, rig.folder / "short", key)
            rows = page.locator(".segments tbody tr").count()
        if rows > MOST_ROWS:
            raise RuntimeError(f"{rows} rows of segments are in the document at once")
        total = LONG_SEGMENTS * LONG_BYTES
        return [
            figure(
                "hashing in Chromium", total / long_s / 1e6, "MB/s", aim=300, limit=total / _sha256sum(footage) / 1e6
            ),
            figure(f"whole check of {SEGMENTS:,} short segments", short_s, "s"),
            figure("rows of the list in the document", rows, "rows", aim=MOST_ROWS),
        ]


def _sha256sum(footage: Path) -> float:
    """Seconds that one `sha256sum` for each processor takes for the long files."""
    paths = sorted((footage / "site-1/long").iterdir())
    cores = len(os.sched_getaffinity(0))
    begin = time.perf_counter()
    started = [subprocess.Popen(["sha256sum", *paths[at::cores]], stdout=subprocess.DEVNULL) for at in range(cores)]
    for process in started:
        process.wait()
    return time.perf_counter() - begin


@contextmanager
def _browser() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser.new_page(locale="en-GB")
        browser.close()


def _check(page: Page, package: Path, key: Path) -> float:
    page.goto(PAGE.as_uri())
    page.set_input_files("[data-role=folder]", package)
    page.set_input_files("[data-role=trust]", key)
    begin = time.perf_counter()
    page.click("[data-role=check]")
    page.wait_for_selector("#h-verdict", timeout=600_000)
    took = time.perf_counter() - begin
    if "FAILED" in page.inner_text("#h-verdict"):
        raise RuntimeError(f"the package is not fine: {page.inner_text('section[aria-labelledby=h-findings]')[:400]}")
    return took


async def _package(rig: Rig, footage: Path, stream: str, count: int, size: int) -> None:
    (footage / stream).mkdir(parents=True)
    client = await LedgerClient.connect(rig.target, log=ORIGIN, vkeys=[rig.vkey], timeout_s=120.0)
    async with client:
        for first in range(1, count + 1, 500):
            await client.append([_segment(footage, stream, n, size) for n in range(first, min(first + 500, count + 1))])
        request = ExportRequest(
            log=ORIGIN, streams=(stream,), from_us=BEGIN_US, to_us=BEGIN_US + count * LENGTH_US, case_number="bench",
            recipient="", proof_files=False,
        )  # fmt: skip
        job = ExportJob(
            request=request, footage=footage, out=rig.folder / stream.rpartition("/")[2], key=Ed25519PrivateKey.generate(),
            vkeys=[rig.vkey], disclosures={},
        )  # fmt: skip
        await run_export(client, job)


def _segment(footage: Path, stream: str, number: int, size: int) -> record_pb2.Record:
    name = f"{stream}/{number:06d}.mp4"
    content = random.randbytes(size)
    (footage / name).write_bytes(content)
    at_us = BEGIN_US + (number - 1) * LENGTH_US
    told = record_pb2.Segment(
        stream=stream,
        number=number,
        duration_us=LENGTH_US,
        size_bytes=size,
        file_sha256=sha256(content).digest(),
        path=name,
    )
    return record_pb2.Record(record_id=make_record_id(at_us, os.urandom(RANDOM_BYTES)), at_us=at_us, segment=told)
