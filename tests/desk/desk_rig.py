"""What a test does at a desk: run a command with a form, look at what it said, and audit the log behind it."""

from __future__ import annotations

import asyncio
import json
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.server.ledger_rig import ORIGIN, Rig

from custody.cli import main as command_line
from custody.core.entry import decode_entry
from custody.core.record import encode_record, read_record
from custody.core.record_id import make_record_id
from custody.rules import CustodyState, findings, load_library
from custody.v1 import record_pb2

SITE = "site-12"
STREAM = "site-12/gate"
DAY_US = 86_400_000_000
PAPER = sha256(b"paper").hexdigest()


def moment(us: int) -> str:
    whole, rest = divmod(us, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{rest:06d}Z"


NOW_US = time.time_ns() // 1_000
SPAN = {"stream": STREAM, "from": moment(NOW_US - 3 * 3_600_000_000), "to": moment(NOW_US - 2 * 3_600_000_000)}


def document(kind: str) -> dict[str, str]:
    return {"kind": kind, "reference": "R-1", "document_sha256": PAPER, "issuer": "Bureau"}


SITE_FORM: dict[str, Any] = {
    "title": "Hall",
    "operator": "Hall Ltd",
    "operator_kind": "unit",
    "supervising_authority": "District bureau",
    "site_class": "commerce_finance",
    "profiles": ["bj185", "cn799"],
}
STREAM_FORM: dict[str, Any] = {
    "description": {
        "stream": STREAM,
        "title": "Gate",
        "position": "A-1",
        "angle": "east",
        "purpose": "security",
        "public_area": True,
        "sign_posted": True,
        "classification": "2",
    },
    "in_use_from": moment(NOW_US),
}
OFFICERS = [
    {"name": "Li Planted-One", "work_id": "WID-778101", "unit": "Bureau"},
    {"name": "王植入", "work_id": "WID-778102", "unit": "Bureau"},
]
CLERK = {"name": "Clerk Planted-Two", "work_id": "WID-778103", "unit": "Hall Ltd"}
ACCESS: dict[str, Any] = {
    "spans": [SPAN],
    "purpose": "administrative_case",
    "accessor": "government_department",
    "officers": OFFICERS,
    "recorded_by": CLERK,
    "documents": [document("certifying"), document("register_form"), document("approval")],
    "duration": "30 min",
    "reason": "planted reason 丢失自行车",
}
HOLD: dict[str, Any] = {
    "hold_id": "h-1",
    "case_number": "C-1",
    "authority": "Court",
    "spans": [SPAN],
    "order": document("court_order"),
}
PLANTED = ("Planted", "王植入", "WID-7781", "planted reason", "丢失自行车")


class Said(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class DeskRig:
    def __init__(self, rig: Rig, target: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.rig = rig
        self.folder = folder
        self._capsys = capsys
        self.said: list[Said] = []
        folder.mkdir()
        (folder / "log.vkey").write_text(rig.signer.signing.vkey.encode() + "\n")
        self.configure(target)

    def configure(self, target: str, more: str = "", timeout_s: int = 10) -> None:
        (self.folder / "desk.toml").write_text(
            f'site = "{SITE}"\n{more}\n[ledger]\ntargets = ["{target}"]\nlog = "{ORIGIN}"\nvkeys = "log.vkey"\n'
            f'submitter = "desk-1"\ntimeout_s = {timeout_s}\n'
            '[clock]\nsource = "ntp"\nuncertainty_ms = 50\n'
        )

    @property
    def disclosures(self) -> Path:
        return self.folder / "desk" / "disclosures.db"

    async def run(self, *arguments: str) -> Said:
        """Runs `custody desk ...` in a thread, as the ledger lives on this loop."""
        line = ["desk", "--config", str(self.folder / "desk.toml"), *arguments]
        status = await asyncio.to_thread(command_line.run, line)
        said = Said(status, *self._capsys.readouterr())
        self.said.append(said)
        return said

    async def act(self, name: str, form: Any, *options: str) -> Said:
        """Runs a command with a form."""
        path = self.folder / "form.json"
        path.write_text(form if isinstance(form, str) else json.dumps(form, ensure_ascii=False), encoding="utf-8")
        said = await self.run(*name.split(), "--from", str(path), *options)
        path.unlink()
        return said

    async def record(self, name: str, form: Any) -> Any:
        """Records a form whatever rules it breaks; returns the receipt."""
        said = await self.act(name, form, "--yes", "--json")
        assert said.status == 0, said
        return said.json

    async def open(self) -> None:
        """A registered site with a camera that has been filed."""
        await self.record("site register", SITE_FORM)
        await self.record("stream register", STREAM_FORM)
        filing = {"act": "filed", "first_use": moment(NOW_US), "accepted": moment(NOW_US), "streams": [STREAM]}
        await self.record("file", filing)

    async def footage(self) -> None:
        """The recorder tells of one hour of footage, that of SPAN."""
        at_us = NOW_US - 3 * 3_600_000_000
        record = record_pb2.Record(record_id=make_record_id(at_us, b"0123456789"), at_us=at_us)
        record.segment.stream = STREAM
        record.segment.number = 1
        record.segment.duration_us = 3_600_000_000
        record.segment.size_bytes = 1
        record.segment.file_sha256 = sha256(b"film").digest()
        await self.rig.submit([encode_record(record)])

    async def records(self) -> list[Any]:
        """Every record in the log, from storage."""
        store = self.rig.raw_store
        count = self.rig.publication.size
        placed = await store.entries_at(list(range(count)))
        return [read_record(decode_entry(one.entry).record) for one in placed]

    async def custody(self, *arguments: str) -> Said:
        """Runs another command on the log's database, as an inspector would."""
        line = [*arguments, str(self.rig.database), "--key", str(self.folder / "log.vkey"), "--json"]
        status = await asyncio.to_thread(command_line.run, line)
        return Said(status, *self._capsys.readouterr())

    async def findings(self) -> list[tuple[str, bytes]]:
        """What an audit of the whole log finds now: code and record id."""
        store = self.rig.raw_store
        state = CustodyState(load_library())
        for index, one in enumerate(await store.entries_at(list(range(self.rig.publication.size)))):
            entry = decode_entry(one.entry)
            state.apply(index, entry, read_record(entry.record))
        return [
            (finding.code, record_id)
            for finding in findings(state, time.time_ns() // 1_000)
            for record_id in finding.record_ids
        ]
