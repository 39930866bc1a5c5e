"""A signer and a ledger as real processes in a temporary folder, and records to feed them."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.v1 import record_pb2

ORIGIN = "bench.example/log"
CUSTODY = str(Path(sys.executable).with_name("custody"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """What a benchmark needs to know about the running processes."""

    folder: Path
    target: str
    vkey: str
    addresses: tuple[str, ...] = ()
    """Where the ledger said that it listens."""

    @property
    def database(self) -> Path:
        """The embedded store's file."""
        return self.folder / "ledger.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A running signer and a log that it signs for; the ledger may come and go."""

    folder: Path
    store: str
    signer: str
    """Its socket, as a gRPC target."""
    vkey: str


@contextmanager
def signing(store: str | None = None) -> Iterator[Home]:
    """Starts a signer and makes the log; `store` is a storage URI, by default an SQLite file in the folder."""
    folder = Path(tempfile.mkdtemp(prefix="custody-bench-"))
    (folder / "s").mkdir(mode=0o700)
    passphrase = folder / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(secrets.token_hex(16) + "\n")
    state = ("--state", f"{folder}/state", "--passphrase-file", str(passphrase))
    uri = store or f"sqlite:{folder}/ledger.db"
    try:
        made = _run("signer", "init", "--origin", ORIGIN, *state)
        with _serving("signer", "serve", "--socket", f"{folder}/s/signer.sock", *state):
            signer = f"unix:{folder}/s/signer.sock"
            _run("log", "create", "--store", uri, "--signer", signer, ORIGIN)
            yield Home(folder=folder, store=uri, signer=signer, vkey=made.strip())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(home: Home, *options: str) -> Iterator[Rig]:
    """Runs `custody serve` on the log of a home, until the block ends."""
    target = f"unix:{home.folder}/s/ledger.sock"
    what = ("--store", home.store, "--signer", home.signer, "--listen", target)
    with _serving("serve", *what, *options) as ready:
        yield Rig(folder=home.folder, target=target, vkey=home.vkey, addresses=tuple(ready.split()[3:]))


@contextmanager
def running(store: str | None = None, *serve_options: str) -> Iterator[Rig]:
    """Starts signer and ledger; `store` is a storage URI, by default an SQLite file in the folder."""
    with signing(store) as home, serving(home, *serve_options) as rig:
        yield rig


def _run(*arguments: str) -> str:
    return subprocess.run([CUSTODY, *arguments], check=True, capture_output=True, text=True).stdout


@contextmanager
def _serving(*arguments: str) -> Iterator[str]:
    process = subprocess.Popen([CUSTODY, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if " ready " not in line:
            raise RuntimeError(f"custody {arguments[0]} did not start")
        yield line
    finally:
        process.terminate()
        process.wait(30)


def segment(stream: str, number: int) -> bytes:
    """A serialized segment record as a recorder makes it, about 170 bytes."""
    now_us = time.time_ns() // 1_000
    record = record_pb2.Record(
        record_id=make_record_id(now_us, os.urandom(RANDOM_BYTES)),
        at_us=now_us,
        clock=record_pb2.ClockQuality(source=record_pb2.CLOCK_SOURCE_NTP, offset_us=12, uncertainty_us=2_000),
        segment=record_pb2.Segment(
            stream=stream,
            number=number,
            duration_us=10_000_000,
            size_bytes=644_149,
            file_sha256=os.urandom(32),
            media=record_pb2.Media(media_root=os.urandom(32), units=100),
            path=f"{stream}/seg_{number:06d}.mp4",
            container=record_pb2.CONTAINER_MP4,
            codec=record_pb2.CODEC_H264,
        ),
    )
    return record.SerializeToString()
