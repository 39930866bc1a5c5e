"""The exporter himself lies: his key is registered, the ledger records what he exports, and still he cannot leave things out."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from evidence import BEGIN_US, CAMERA, ORIGIN, Evidence, ledger_with_story, record
from evidence import _access as access_told
from evidence import _registrations as registrations
from evidence import _segments as segments_told
from tests.verifier.package.test_tampering import failing, verdict

from custody.cli.main import run
from custody.client import LedgerClient, ProvenEntry
from custody.core.record import read_record
from custody.export import run as export_run
from custody.export.content import build_content
from custody.export.gather import gather, take_snapshot
from custody.v1 import record_pb2
from custody.verifier.package.commitments import encode_withheld

YEAR_US = 365 * 86_400_000_000
IN_2100 = 4_102_444_800_000_000
Told = list[record_pb2.Record]
Rows = list[ProvenEntry]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    with ledger_with_story(tmp_path_factory.mktemp("dishonest")) as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Evidence]:
    """A ledger for stories that change who may export."""
    with ledger_with_story(tmp_path) as made:
        yield made


def tell(evidence: Evidence, records: Sequence[record_pb2.Record]) -> None:
    async def append() -> None:
        async with await LedgerClient.connect(evidence.target, log=ORIGIN, vkeys=[evidence.vkey]) as client:
            await client.append(records)

    asyncio.run(append())


def export(evidence: Evidence, out: Path, stream: str = CAMERA) -> Path:
    arguments = evidence.arguments(out)
    arguments[arguments.index("--stream") + 1] = stream
    assert run(arguments) == 0
    return out


def numbers(package: Path) -> list[int]:
    return [row["number"] for row in json.loads((package / "data/manifest.json").read_text())["files"]]


def heartbeat(stream: str, at_us: int) -> record_pb2.Record:
    return record(at_us, heartbeat=record_pb2.Heartbeat(stream=stream, interval_us=60_000_000))


def before_the_last(told: Told, stream: str) -> Told:
    """As a recorder tells it: it is alive at 8.6 s, and the segment from 8 s to 10 s has not ended yet."""
    return [*told[:4], heartbeat(stream, BEGIN_US + 8_600_000), *told[4:]]


def of_a_far_day(told: Told, stream: str) -> Told:
    return [*told[:2], heartbeat(stream, IN_2100), *told[2:]]


def with_a_wrong_clock(told: Told, stream: str) -> Told:
    """The recorder's clock jumped for one segment."""
    strange = segments_told_like(told[0], IN_2100)
    assert strange.segment.stream == stream
    return [*told[:2], strange, *told[2:]]


def of_an_old_day(told: Told, stream: str) -> Told:
    return [*told[:3], heartbeat(stream, 1_000), *told[3:]]


def found_late(told: Told, _: str) -> Told:
    """A file of the hour before, found and told when the recorder went through its folder again."""
    return [*told[:3], segments_told_like(told[0], BEGIN_US - 3_600_000_000), *told[3:]]


def segments_told_like(one: record_pb2.Record, at_us: int) -> record_pb2.Record:
    segment = record_pb2.Segment()
    segment.CopyFrom(one.segment)
    segment.number, segment.path, segment.file_sha256 = 90, "", bytes(32)
    return record(at_us, segment=segment)


def behind(kind: str, at_us: Callable[[int], bool], rows: Rows) -> Rows:
    return rows[: place(kind, at_us, rows) + 1]


def from_on(kind: str, at_us: Callable[[int], bool], rows: Rows) -> Rows:
    return rows[place(kind, at_us, rows) :]


def place(kind: str, wanted: Callable[[int], bool], rows: Rows) -> int:
    found = [read_record(one.entry.record) for one in rows]
    return next(at for at, one in enumerate(found) if one.kind.name == kind and wanted(one.at_us))


LATE, EARLY = BEGIN_US + 8_500_000, BEGIN_US + 1


CUTS: list[tuple[str, Callable[[Told, str], Told], Callable[[Rows], Rows]]] = [
    ("cam-11", before_the_last, partial(behind, "heartbeat", lambda at: at > LATE)),
    ("cam-12", of_a_far_day, partial(behind, "heartbeat", lambda at: at > LATE)),
    ("cam-13", with_a_wrong_clock, partial(behind, "segment", lambda at: at == IN_2100)),
    ("cam-14", of_an_old_day, partial(from_on, "heartbeat", lambda at: at < EARLY)),
    ("cam-15", found_late, partial(from_on, "segment", lambda at: at < BEGIN_US)),
]


def camera_told(evidence: Evidence, camera: str, story: Callable[[Told, str], Told]) -> str:
    """One more camera, whose footage is told as the story goes; its stream."""
    stream = f"site-12/{camera}"
    shutil.copytree(evidence.footage / "site-12/cam-02", evidence.footage / stream)
    tell(evidence, [*registrations(stream), *story(segments_told(evidence.footage, stream), stream)])
    return stream


def cut_off(monkeypatch: pytest.MonkeyPatch, stream: str, cut: Callable[[Rows], Rows]) -> None:
    """The exporter leaves a part of the camera's chain out of what he packs."""

    async def gather_less(*arguments: Any) -> dict[str, Rows]:
        slices = await gather(*arguments)
        return {chain: cut(rows) if chain == f"footage/{stream}" else rows for chain, rows in slices.items()}

    monkeypatch.setattr(export_run, "gather", gather_less)


@pytest.mark.parametrize(
    ("camera", "story", "cut"),
    CUTS,
    ids=["alive-in-the-last-segment", "dated-2100", "clock-jumped", "dated-1970", "found-late"],
)
def test_footage_is_not_cut_at_an_entry_that_only_seems_to_lie_beside_the_period(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    told: Evidence,
    tmp_path: Path,
    camera: str,
    story: Callable[[Told, str], Told],
    cut: Callable[[Rows], Rows],
) -> None:
    stream = camera_told(told, camera, story)
    honest = export(told, tmp_path / "honest", stream)
    assert numbers(honest) == [2, 3, 4, 5]
    status, report = verdict(capsys, honest, "--trust", told.vkey)
    assert (status, report["findings"]) == (0, [])
    cut_off(monkeypatch, stream, cut)
    forged = export(told, tmp_path / "forged", stream)
    assert len(numbers(forged)) < 4
    status, report = verdict(capsys, forged, "--trust", told.vkey)
    assert (status, [one["code"] for one in report["findings"]]) == (1, ["slice-margin"])


def dated_back(monkeypatch: pytest.MonkeyPatch, by_us: int) -> None:
    """The exporter says that he prepared the package earlier than he did."""
    calls = []

    async def take(client: LedgerClient) -> Any:
        snapshot, entry = await take_snapshot(client)
        calls.append(snapshot)
        return (replace(snapshot, at_us=snapshot.at_us - by_us) if len(calls) == 1 else snapshot), entry

    monkeypatch.setattr(export_run, "take_snapshot", take)


def revoked(from_us: int) -> record_pb2.Record:
    body = record_pb2.KeyRevoked(key_id="exporter-1", reason=record_pb2.REVOCATION_REASON_COMPROMISED, from_us=from_us)
    return record(BEGIN_US, key_revoked=body)


def registered(evidence: Evidence, key_id: str) -> record_pb2.Record:
    """The exporter's key again, under this id."""
    body = record_pb2.KeyRegistered(
        key_id=key_id, use=record_pb2.KEY_USE_EXPORTER, algorithm=record_pb2.KEY_ALGORITHM_ED25519,
        public_key=evidence.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        holder="urn:custody:desk:export", valid_from_us=1,
    )  # fmt: skip
    return record(BEGIN_US, key_registered=body)


def test_a_revoked_key_signs_nothing_whatever_day_the_manifest_names(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, own: Evidence, tmp_path: Path
) -> None:
    before = export(own, tmp_path / "before")
    tell(own, [revoked(time.time_ns() // 1_000)])
    assert verdict(capsys, before, "--trust", own.vkey)[0] == 0
    plain = export(own, tmp_path / "plain")
    dated_back(monkeypatch, 2 * YEAR_US)
    forged = export(own, tmp_path / "forged")
    monkeypatch.undo()
    for package, found in ((plain, {11}), (forged, {10, 11})):
        status, report = verdict(capsys, package, "--trust", own.vkey)
        assert (status, failing(report)) == (1, found)
    for key_id in ("exporter-1", "exporter-2"):
        tell(own, [registered(own, key_id)])
        status, report = verdict(capsys, export(own, tmp_path / key_id), "--trust", own.vkey)
        assert (status, failing(report)) == (1, {11})  # a revocation is never taken back, under no id


def withholding(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter prepares on no snapshot at all, and lists nothing of what he keeps closed."""
    tell_export = export_run._record

    def nothing_withheld(gathered: Any) -> dict[str, bytes]:
        content = build_content(replace(gathered, snapshot=replace(gathered.snapshot, index=0)))
        return content | {"data/withheld.json": encode_withheld([])}

    async def recorded(client: Any, request: Any, snapshot: Any, *more: Any) -> ProvenEntry:
        return await tell_export(client, request, replace(snapshot, index=0), *more)

    monkeypatch.setattr(export_run, "build_content", nothing_withheld)
    monkeypatch.setattr(export_run, "_record", recorded)


def test_what_stays_closed_is_listed_whatever_snapshot_the_manifest_names(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, told: Evidence, tmp_path: Path
) -> None:
    withholding(monkeypatch)
    status, report = verdict(capsys, export(told, tmp_path / "forged"), "--trust", told.vkey)
    assert (status, failing(report)) == (1, {10, 12})


def test_the_manifest_names_the_time_that_the_record_of_the_export_has(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, told: Evidence, tmp_path: Path
) -> None:
    tell_export = export_run._record

    async def recorded(client: Any, request: Any, snapshot: Any, *more: Any) -> ProvenEntry:
        return await tell_export(client, request, replace(snapshot, at_us=snapshot.at_us + 1), *more)

    monkeypatch.setattr(export_run, "_record", recorded)
    _, report = verdict(capsys, export(told, tmp_path / "forged"), "--trust", told.vkey)
    assert failing(report) == {10}


def test_a_package_is_not_dated_before_what_it_holds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, told: Evidence, tmp_path: Path
) -> None:
    """With a key that is valid all the time: the reports would say `as of` a day on which nothing of it was there."""
    dated_back(monkeypatch, 1_000_000_000)
    _, report = verdict(capsys, export(told, tmp_path / "forged"), "--trust", told.vkey)
    assert failing(report) == {10}


def test_what_came_while_an_honest_exporter_copied_is_in_his_package_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, own: Evidence, tmp_path: Path
) -> None:
    """An access with names is registered, and the last segment of the period is told, while the copying takes its hours."""
    shutil.copytree(own.footage / "site-12/cam-02", own.footage / "site-12/cam-21")
    footage = segments_told(own.footage, "site-12/cam-21")
    tell(own, [*registrations("site-12/cam-21"), *footage[:4]])
    real, copies = export_run._copy, []
    (tmp_path / "more").mkdir()

    def copy(*arguments: Any) -> Any:
        copies.append(arguments)
        if len(copies) == 1:
            beside(own, [access_told(tmp_path / "more"), *footage[4:]])
        return real(*arguments)

    monkeypatch.setattr(export_run, "_copy", copy)
    arguments = [*own.arguments(tmp_path / "out"), "--stream", "site-12/cam-21"]
    assert run(arguments) == 0
    status, report = verdict(capsys, tmp_path / "out", "--trust", own.vkey)
    assert (status, report["findings"], len(copies)) == (0, [], 2)
    assert numbers(tmp_path / "out") == [2, 3, 4, 5, 2, 3, 4, 5]
    withheld = (tmp_path / "out/data/withheld.json").read_text()
    assert all(path.name in withheld for path in (tmp_path / "more").iterdir())


def test_who_exports_what_is_always_being_recorded_is_told_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, told: Evidence, tmp_path: Path
) -> None:
    real = export_run._copy
    (tmp_path / "more").mkdir()

    def copy(*arguments: Any) -> Any:
        beside(told, [access_told(tmp_path / "more")])
        return real(*arguments)

    monkeypatch.setattr(export_run, "_copy", copy)
    assert run(told.arguments(tmp_path / "out")) == 2
    assert "[export-overtaken]" in capsys.readouterr().err


def beside(evidence: Evidence, records: Sequence[record_pb2.Record]) -> None:
    """As another process tells them: the exporter's own loop is running here."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(tell, evidence, records).result()
