"""A real ledger with a small story in it, and an evidence package exported from it by the command: made once, copied often."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from custody.cli.main import run
from custody.client import LedgerClient
from custody.client.batch import read_batch
from custody.client.sealing import SealingKey
from custody.core.digest import FileHasher
from custody.core.disclosure import Disclosure
from custody.core.media.clip import Clip
from custody.core.media.container import read_clip
from custody.core.record_id import make_record_id
from custody.demo.clip import encode_clip
from custody.private.key import write_key
from custody.v1 import record_pb2

CAMERA = "site-12/cam-01"
CASE = "TEST-2026-7"
RECIPIENT = "Example District Court"
PASSPHRASE = b"throw-away"
ORIGIN = "ledger.example/evidence"
BEGIN_US = 1_770_000_000_000_000
SEALING = SealingKey(key_id="seal-1", key=Ed25519PrivateKey.from_private_bytes(b"\x5e" * 32))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Where everything lies. `package` is the good one and is never changed."""

    folder: Path
    package: Path
    vkey: str
    key: Ed25519PrivateKey
    from_us: int
    to_us: int
    earlier: Path
    target: str = ""

    @property
    def footage(self) -> Path:
        return self.folder / "footage"

    def arguments(self, out: Path, *more: str | Path) -> list[str]:
        """`custody export` for the story's case."""
        return [
            str(one)
            for one in (
                "export", out, "--target", self.target, "--log", ORIGIN, "--key", self.vkey, "--stream", CAMERA,
                "--from", iso(self.from_us), "--to", iso(self.to_us), "--footage", self.footage,
                "--signing-key", self.folder / "exporter.pem", "--passphrase-file", self.folder / "exporter-passphrase",
                "--case", CASE, "--recipient", RECIPIENT, "--disclosures", self.folder / "given",
                "--since", self.earlier, *more,
            )
        ]  # fmt: skip


def iso(at_us: int) -> str:
    return (EPOCH + timedelta(microseconds=at_us)).isoformat()


def record(at_us: int, **kind: Any) -> record_pb2.Record:
    return record_pb2.Record(record_id=make_record_id(at_us, os.urandom(10)), at_us=at_us, **kind)


@contextmanager
def ledger_with_story(folder: Path, *serve: str, sealed: bool = False) -> Iterator[Evidence]:
    """Processes run until the block ends; no package is exported yet. `serve` are further options of `custody serve`.

    `sealed`: the first camera seals its footage.
    """
    sockets = Path(tempfile.mkdtemp(prefix="cy"))
    signer, ledger = f"unix:{sockets}/s", f"unix:{sockets}/l"
    store = f"sqlite:{folder}/ledger.db"
    for name in ("passphrase", "exporter-passphrase"):
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(PASSPHRASE + b"\n")
    secret = ("--state", str(folder / "signer"), "--passphrase-file", str(folder / "passphrase"))
    for camera in ("cam-01", "cam-02"):
        encode_clip(folder / "footage/site-12" / camera)
    (folder / "disclosures").mkdir()
    (folder / "given").mkdir()
    key = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    write_key(folder / "exporter.pem", key, lambda: PASSPHRASE)
    vkey = _custody("signer", "init", "--origin", ORIGIN, *secret).strip()
    with _serving("signer", "serve", "--socket", f"{sockets}/s", *secret):
        _custody("log", "create", "--store", store, "--signer", signer, ORIGIN)
        with _serving("serve", "--store", store, "--signer", signer, "--listen", ledger, *serve):
            from_us, to_us = asyncio.run(_tell(folder, ledger, vkey, key, sealed=sealed))
            yield Evidence(
                folder=folder, package=folder / "package", vkey=vkey, key=key, from_us=from_us, to_us=to_us,
                earlier=folder / "earlier", target=ledger,
            )  # fmt: skip
    shutil.rmtree(sockets, ignore_errors=True)


CUSTODY = str(Path(sys.executable).with_name("custody"))


def _custody(*arguments: str) -> str:
    return subprocess.run([CUSTODY, *arguments], check=True, capture_output=True, text=True, timeout=60).stdout


@contextmanager
def _serving(*arguments: str) -> Iterator[None]:
    with subprocess.Popen([CUSTODY, *arguments], stdout=subprocess.PIPE, text=True) as running:
        try:
            line = running.stdout.readline() if running.stdout else ""
            assert " ready " in line, f"custody {arguments[0]} did not start"
            yield
        finally:
            running.terminate()
            running.wait(30)


async def _tell(folder: Path, target: str, vkey: str, key: Ed25519PrivateKey, *, sealed: bool) -> tuple[int, int]:
    client = await LedgerClient.connect(target, log=ORIGIN, vkeys=[vkey])
    async with client:
        for camera in ("cam-01", "cam-02"):
            await client.append(_registrations(f"site-12/{camera}"))
            segments: Sequence[Any] = _segments(folder / "footage", f"site-12/{camera}")
            if sealed and camera == "cam-01":
                await client.append([_seal_key()])
                segments = SEALING.seal(ORIGIN, read_batch(segments))
            await client.append(segments)
        (folder / "earlier").write_bytes((await client.checkpoint()).note)
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        registered = record_pb2.KeyRegistered(
            key_id="exporter-1", use=record_pb2.KEY_USE_EXPORTER, algorithm=record_pb2.KEY_ALGORITHM_ED25519,
            public_key=spki, holder="urn:custody:desk:export", valid_from_us=1,
        )  # fmt: skip
        clock = record_pb2.ClockCheck(
            stream=CAMERA, device_us=BEGIN_US + 250_000, reference_us=BEGIN_US, reference=record_pb2.CLOCK_SOURCE_NTP
        )
        await client.append(
            [
                _access(folder / "disclosures"),
                _redaction(folder / "derived"),
                record(BEGIN_US, key_registered=registered),
                record(BEGIN_US, clock_check=clock),
            ]
        )
    for path in sorted((folder / "disclosures").iterdir())[:2]:
        shutil.copy(path, folder / "given" / path.name)
    return BEGIN_US + 2_500_000, BEGIN_US + 8_500_000


def _seal_key() -> record_pb2.Record:
    spki = SEALING.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    registered = record_pb2.KeyRegistered(
        key_id=SEALING.key_id, use=record_pb2.KEY_USE_SEAL, algorithm=record_pb2.KEY_ALGORITHM_ED25519,
        public_key=spki, holder="urn:custody:unverified:anonymous", valid_from_us=1,
    )  # fmt: skip
    return record(BEGIN_US - 5, key_registered=registered)


def _registrations(stream: str) -> list[record_pb2.Record]:
    site = record_pb2.SiteRegistered(
        site="site-12", title="Square", operator="Example Property Management Ltd.",
        supervising_authority="Example District Public Security Bureau", profiles=["bj185", "cn799"],
    )  # fmt: skip
    camera = record_pb2.StreamDescription(
        stream=stream, title="Square, looking north", position="39.9,116.4", device="Camera X-1", filing_number="F-77",
        purpose="public security", public_area=True,
    )  # fmt: skip
    settings = record_pb2.RecorderConfiguration(
        streams=[stream], product="recorder", version="1.2", configuration_sha256=bytes(range(32))
    )
    policy = record_pb2.RetentionPolicy(streams=[stream], minimum_us=30 * 86_400_000_000, effective_from_us=1)
    return [
        record(BEGIN_US - 9, site_registered=site),
        record(
            BEGIN_US - 8, stream_registered=record_pb2.StreamRegistered(description=camera, in_use_from_us=BEGIN_US)
        ),
        record(BEGIN_US - 7, recorder_configuration=settings),
        record(BEGIN_US - 6, retention_policy=policy),
    ]


def _segments(footage: Path, stream: str) -> list[record_pb2.Record]:
    """Two seconds each."""
    found = []
    for number, path in enumerate(sorted((footage / stream).iterdir()), 1):
        content = path.read_bytes()
        hasher = FileHasher([record_pb2.DIGEST_ALGORITHM_SM3])
        hasher.update(content)
        clip = _clip(content)
        segment = record_pb2.Segment(
            stream=stream, number=number, duration_us=2_000_000, size_bytes=len(content), file_sha256=hasher.sha256(),
            digests=hasher.digests(), media=clip.media(), path=path.relative_to(footage).as_posix(),
            container=record_pb2.Container.ValueType(clip.container), codec=record_pb2.Codec.ValueType(clip.codec),
        )  # fmt: skip
        found.append(record(BEGIN_US + (number - 1) * 2_000_000, segment=segment))
    return found


def _clip(content: bytes) -> Clip:
    return read_clip(lambda at, length: content[at : at + length], len(content))


def _access(disclosures: Path) -> record_pb2.Record:
    def commit(name: str, value: str) -> bytes:
        disclosure = Disclosure(salt=os.urandom(16), name=name, value=value)
        (disclosures / disclosure.commitment().hex()).write_bytes(disclosure.encode())
        return disclosure.commitment()

    officers = [
        record_pb2.Person(
            name_commitment=commit("person.name", name),
            work_id_commitment=commit("person.work_id", work_id),
            unit="PSB",
        )
        for name, work_id in (("Officer A", "010001"), ("Officer B", "010002"))
    ]
    access = record_pb2.Access(
        act=record_pb2.ACCESS_ACT_COPY,
        spans=[record_pb2.Span(stream=CAMERA, from_us=BEGIN_US, to_us=BEGIN_US + 12_000_000)],
        purpose=record_pb2.ACCESS_PURPOSE_CRIMINAL_CASE,
        accessor=record_pb2.ACCESSOR_KIND_PUBLIC_SECURITY,
        officers=officers,
        case_number="DEMO-2026-1",
        reason_commitment=commit("access.reason", "theft of a bicycle"),
    )
    return record(BEGIN_US + 60_000_000, access=access)


def _redaction(folder: Path) -> record_pb2.Record:
    """A copy of segments 3 and 4 with faces blurred; its file lies in `derived`, which no export takes unless told to."""
    folder.mkdir()
    content = b"a film with blurred faces\n" * 40
    (folder / "blurred.mp4").write_bytes(content)
    redaction = record_pb2.Redaction(
        sources=[
            record_pb2.SegmentRange(
                stream=CAMERA, first=3, last=4, from_us=BEGIN_US + 4_000_000, to_us=BEGIN_US + 8_000_000
            )
        ],
        derived_sha256=sha256(content).digest(), derived_bytes=len(content), transform="faces blurred", tool="blur 1.0",
    )  # fmt: skip
    return record(BEGIN_US + 70_000_000, redaction=redaction)


@contextmanager
def exported(folder: Path) -> Iterator[Evidence]:
    """The story with its package."""
    with ledger_with_story(folder) as evidence:
        status = run(evidence.arguments(evidence.package))
        assert status == 0, f"export ended with {status}"
        yield evidence


def sha256sum(package: Path) -> int:
    """Exit status of `sha256sum -c` in the package."""
    return subprocess.run(["sha256sum", "--quiet", "-c", "manifest-sha256.txt"], cwd=package, check=False).returncode
