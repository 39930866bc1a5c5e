"""Exporting from a real ledger: what is in the package, going on after a stop, the same bytes again, the checklist."""

from __future__ import annotations

import asyncio
import json
import shutil
from html import escape
from pathlib import Path
from typing import Any

import pytest
from evidence import BEGIN_US, CAMERA, CASE, ORIGIN, Evidence, iso, ledger_with_story
from evidence import _registrations as registrations
from evidence import _segments as segments_told

from custody.cli.main import run
from custody.client import LedgerClient
from custody.export import run as export_run
from custody.export.archive import write_zip

CHECKLIST = {
    1: ["data/footage/site-12/cam-01/seg_001.mp4"],
    2: ["data/manifest.json", "data/manifest.csv"],
    3: ["data/log/entries", "data/log/inclusion.json", "data/log/checkpoint", "data/log/consistency"],
    5: ["data/log/checkpoint"],
    6: ["data/log/entries", "data/system.json"],
    7: ["data/reports/report.en.html", "data/reports/report.zh.html", "data/reports/timeline.json"],
    8: ["data/reports/report.zh.html"],
    9: ["data/log/slices.json", "data/log/heads", "data/log/entries"],
    10: [
        "data/forms/extraction-record.zh.html",
        "data/forms/evidence-list.zh.html",
        "data/forms/retrieval-register.zh.html",
    ],
    12: ["data/system.json"],
    13: ["data/forms/certificate-902.en.html"],
    14: ["data/README.en.txt", "data/README.zh.txt"],
    15: ["signatures/manifest.dsse.json"],
    16: ["data/withheld.json"],
}
"""Item of the export checklist -> where it stands. 4 (time stamps) is tested in test_stamping; 6 (certificates) and 11
(derived copies) in verifier/package/test_rich_tampering.py, for not every package has them."""


def test_every_item_of_the_checklist_has_its_place(evidence: Evidence) -> None:
    missing = [name for names in CHECKLIST.values() for name in names if not (evidence.package / name).stat().st_size]
    assert not missing


def test_manifest_and_forms_say_what_the_ledger_says(evidence: Evidence) -> None:
    manifest = json.loads((evidence.package / "data/manifest.json").read_text())
    assert [row["number"] for row in manifest["files"]] == [2, 3, 4, 5]
    assert {"sm3", "media_root", "units", "utc", "local"} <= manifest["files"][0].keys()
    listed = (evidence.package / "data/forms/evidence-list.zh.html").read_text()
    assert all(row["sha256"] in listed and row["sm3"] in listed for row in manifest["files"])
    for name in ("extraction-record", "evidence-list", "retrieval-register"):
        page = (evidence.package / f"data/forms/{name}.zh.html").read_text()
        assert CASE in page
        assert "（一）" in page
        assert "（二）" in page
    register = (evidence.package / "data/forms/retrieval-register.zh.html").read_text()
    assert "第十七条第（三）项" in register
    assert "复制" in register
    assert "使用、管理单位：Example Property Management Ltd." in register
    report = (evidence.package / "data/reports/report.zh.html").read_text()
    assert "0.250" in report
    assert "<td>较重</td>" in report
    assert "《北京市公共安全图像信息系统管理办法》第十七条第（二）项" in report
    cited = {article["id"]: article for one in findings_of(evidence) for article in one["articles"]}
    for language in ("zh", "en"):
        page = (evidence.package / f"data/reports/report.{language}.html").read_text()
        assert all(escape(one["zh"]) in page and escape(one["en"]) in page for one in cited.values())
    assert "<script" not in report


def findings_of(evidence: Evidence) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((evidence.package / "data/reports/findings.json").read_text())
    return found


def test_only_given_disclosures_are_in_it(evidence: Evidence) -> None:
    given = {path.name for path in (evidence.folder / "given").iterdir()}
    assert {path.name for path in (evidence.package / "data/disclosures").iterdir()} == given
    withheld = json.loads((evidence.package / "data/withheld.json").read_text())["withheld"]
    assert {row["commitment"] for row in withheld} == {
        path.name for path in (evidence.folder / "disclosures").iterdir()
    } - given
    text = "".join(path.read_text() for path in (evidence.package / "data").rglob("*.html"))
    assert "theft of a bicycle" not in text or any(
        b"theft" in (evidence.folder / "given" / name).read_bytes() for name in given
    )


def test_an_interrupted_export_goes_on_and_records_once(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = evidence.folder / "interrupted"
    work = out.with_name("interrupted.partial")

    def stop(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    contents = []
    for place in ("_copy", "build_log_part", "_finish"):
        monkeypatch.setattr(export_run, place, stop)
        assert run(evidence.arguments(out)) == 2
        monkeypatch.undo()
        assert not out.exists()
    contents.append((work / "plan.json").read_bytes())
    capsys.readouterr()
    assert run(evidence.arguments(out)) == 0
    first = capsys.readouterr().out
    assert not work.exists()
    assert run(["verify", "package", str(out), "--key", evidence.vkey]) == 0
    entries = (out / "data/log/entries").read_bytes()
    assert entries.count(bytes.fromhex(first.split("content SHA-256 ")[1].split()[0])) == 1


def test_another_request_does_not_take_over_an_unfinished_one(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = evidence.folder / "unfinished"
    with monkeypatch.context() as patch:
        patch.setattr(export_run, "_copy", lambda *_: 1 / 0)
        assert run(evidence.arguments(out)) == 2
    assert run([*evidence.arguments(out), "--case", "OTHER"]) == 2
    assert "[export-other]" in capsys.readouterr().err


def test_a_package_is_never_replaced(evidence: Evidence, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(evidence.arguments(evidence.package)) == 2
    assert "[export-exists]" in capsys.readouterr().err


def test_altered_and_lost_footage_is_named_and_not_packed(
    evidence: Evidence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    footage = tmp_path / "footage"
    shutil.copytree(evidence.footage, footage)
    lost, altered = footage / CAMERA / "seg_001.mp4", footage / CAMERA / "seg_002.mp4"
    lost.unlink()
    altered.write_bytes(altered.read_bytes()[:-1])
    out = tmp_path / "out"
    assert run([*evidence.arguments(out), "--footage", str(footage)]) == 1
    absent = json.loads((out / "data/manifest.json").read_text())["absent"]
    assert [(row["number"], row["reason"]) for row in absent] == [(2, "not-found"), (3, "altered")]
    capsys.readouterr()
    run(["verify", "package", str(out), "--trust", evidence.vkey])
    assert "2 of 4 recorded segments of the period are not in this package" in capsys.readouterr().out.splitlines()
    assert run(["verify", "package", str(out), "--key", evidence.vkey]) == 0


def test_the_same_folder_packs_to_the_same_bytes(evidence: Evidence, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(evidence.package, copy)
    write_zip(evidence.package, tmp_path / "one.zip", {})
    write_zip(copy, tmp_path / "two.zip", {})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_content_is_a_function_of_its_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs on one snapshot write the same content, byte for byte, and the ledger records one export."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    with ledger_with_story(folder) as made:
        first, second = folder / "first", folder / "second"
        with monkeypatch.context() as patch:
            patch.setattr(export_run, "_copy", lambda *_: 1 / 0)
            assert run(made.arguments(first)) == 2
        shutil.copytree(folder / "first.partial", folder / "second.partial")
        assert run(made.arguments(first)) == 0
        assert run(made.arguments(second)) == 0
        for path in sorted(path for path in (first / "data").rglob("*") if path.is_file()):
            name = path.relative_to(first)
            if name.parts[1] not in {"log", "proofs"}:
                assert path.read_bytes() == (second / name).read_bytes(), name
        kinds = (second / "data/log/entries").read_bytes()
        assert kinds.count(CASE.encode()) == 2  # the export, and that disclosures were given with it: each once


@pytest.mark.parametrize("camera", ["con", "gate."])
async def test_names_that_some_disks_read_in_two_ways_are_not_used(
    evidence: Evidence, tmp_path: Path, camera: str
) -> None:
    """Recorders and cameras are called as they are; the package has names that mean the same everywhere."""
    stream = f"site-12/{camera}"
    told = []
    shutil.copytree(evidence.footage / CAMERA, evidence.footage / stream)
    for one, name in zip(
        segments_told(evidence.footage, stream), ("x.mp4", "X.mp4", "CON.mp4", "aux", "y.mp4.", "y.mp4"), strict=True
    ):
        source = evidence.footage / one.segment.path
        one.segment.path = f"{stream}/{name}"
        source.rename(evidence.footage / one.segment.path)
        told.append(one)
    async with await LedgerClient.connect(evidence.target, log=ORIGIN, vkeys=[evidence.vkey]) as client:
        await client.append([*registrations(stream), *told])
    out = tmp_path / "out"
    arguments = [*evidence.arguments(out), "--from", iso(BEGIN_US), "--to", iso(BEGIN_US + 12_000_000)]
    arguments[arguments.index("--stream") + 1] = stream
    assert await asyncio.to_thread(run, arguments) == 0
    assert await asyncio.to_thread(run, ["verify", "package", str(out), "--key", evidence.vkey]) == 0
    folder = out / f"data/footage/site-12/_{camera}_"
    assert [path.name.partition("-")[0] for path in sorted(folder.iterdir())] == [
        "00000001", "00000002", "00000003", "00000004", "00000005", "y.mp4"
    ]  # fmt: skip


def test_the_command_that_is_printed_checks_the_package_with_the_key_that_was_made(
    evidence: Evidence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, key = tmp_path / "out", tmp_path / "own.pem"
    arguments = evidence.arguments(out)
    arguments[arguments.index("--signing-key") + 1] = str(key)
    assert run([*arguments, "--make-key"]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("to check it: custody ")]
    command = line.removeprefix("to check it: custody ").replace("LOGKEY", evidence.vkey).split()
    assert run(command) == 0
    assert run([*command[:-1], str(key)]) == 2
    assert f"{key}: not a public key in PEM" in capsys.readouterr().err
