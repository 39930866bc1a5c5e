"""The good package: verdicts, strangers' tools, footage brought separately, hostile zips."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import av
import bagit
import pytest
from evidence import CAMERA, ORIGIN, Evidence, sha256sum
from forgery import forged_log_key

from custody.cli.main import run
from custody.core.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from custody.verifier.package.layout import TOP


def verify(capsys: pytest.CaptureFixture[str], path: Path, *more: object) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = run(["verify", "package", str(path), "--json", *map(str, more)])
    return status, json.loads(capsys.readouterr().out or "{}")


@pytest.fixture(scope="session")
def zipped(evidence: Evidence) -> Path:
    out = evidence.folder / "evidence.zip"
    assert run(evidence.arguments(out)) == 0
    return out


def test_the_good_package_is_fine_in_both_shapes(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, zipped: Path
) -> None:
    for path in (evidence.package, zipped):
        status, report = verify(capsys, path, "--key", evidence.vkey)
        assert (status, report["verdict"], report["not_checked"]) == (0, "fine", [13, 14, 15])
        assert report["signers"]
        assert not report["findings"]


def test_strangers_tools_accept_it(evidence: Evidence, zipped: Path, tmp_path: Path) -> None:
    assert sha256sum(evidence.package) == 0
    bagit.Bag(str(evidence.package)).validate()
    subprocess.run(["unzip", "-q", zipped, "-d", tmp_path], check=True) if _has("unzip") else _unzip(zipped, tmp_path)
    bagit.Bag(str(tmp_path / TOP)).validate()
    assert sha256sum(tmp_path / TOP) == 0


def _has(program: str) -> bool:
    return subprocess.run(["which", program], capture_output=True, check=False).returncode == 0


def _unzip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_text_names_every_check(capsys: pytest.CaptureFixture[str], evidence: Evidence, lang: str) -> None:
    assert run(["verify", "package", str(evidence.package), "--key", evidence.vkey, "--lang", lang]) == 0
    lines = capsys.readouterr().out.splitlines()
    numbered = [match[1].strip() for line in lines if (match := re.match(r"  ([ 1]\d)  ", line))]
    assert numbered == [str(number) for number in range(1, 16)]
    reasons = [line for line in lines if "未检查：" in line or "NOT CHECKED:" in line]
    assert len(reasons) == 3
    assert all(("footage was brought" in line) == (lang == "en") for line in reasons if line.startswith("  14"))


def test_a_policy_opens_the_checkpoint_too(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, tmp_path: Path
) -> None:
    policy = tmp_path / "policy"
    policy.write_text(f"log {evidence.vkey}\nquorum none\n")
    status, report = verify(capsys, evidence.package, "--trust", policy)
    assert (status, report["trust"]) == (0, "key")  # without witnesses it says no more than its key


def test_brought_footage_is_identical_derived_or_unknown(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, tmp_path: Path
) -> None:
    source = evidence.footage / CAMERA / "seg_002.mp4"
    remuxed, trimmed, strange = tmp_path / "remuxed.ts", tmp_path / "trimmed.mp4", tmp_path / "strange.mp4"
    remux(source, remuxed, 0)
    remux(source, trimmed, 5)
    strange.write_bytes((evidence.footage / "site-12/cam-02/seg_005.mp4").read_bytes())
    status, report = verify(
        capsys, evidence.package, "--key", evidence.vkey,
        "--footage", source, "--footage", remuxed, "--footage", trimmed,
    )  # fmt: skip
    assert status == 0
    same, whole, part = report["footage"]
    assert [same["state"], whole["state"], part["state"]] == ["identical", "derived", "derived"]
    units = json.loads((evidence.package / "data/manifest.json").read_text())["files"][1]["units"]
    assert whole["ranges"] == [{"stream": CAMERA, "number": 3, "first_unit": 0, "units": units}]
    assert part["ranges"] == [{"stream": CAMERA, "number": 3, "first_unit": 0, "units": units * 15 // 20}]
    other = tmp_path / "noise.mp4"
    other.write_bytes(b"\x00" * 1_000)
    status, report = verify(capsys, evidence.package, "--key", evidence.vkey, "--footage", other)
    assert status == 1
    assert report["footage"][0]["state"] in {"unknown", "unreadable"}


def remux(source: Path, target: Path, drop_last: int) -> None:
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = reader.streams.video[0]
        out = writer.add_stream_from_template(stream)
        packets = [packet for packet in reader.demux(stream) if packet.dts is not None]
        for packet in packets[: len(packets) - drop_last]:
            packet.stream = out
            writer.mux(packet)


def rewrite(
    source: Path, target: Path, *, method: int = zipfile.ZIP_STORED, members: dict[str, bytes] | None = None
) -> None:
    """The zip again, with changes that its own format allows."""
    with zipfile.ZipFile(source) as reader, zipfile.ZipFile(target, "w", method) as writer:
        for info in reader.infolist():
            writer.writestr(info.filename, reader.read(info), compress_type=method)
        for name, data in (members or {}).items():
            writer.writestr(name, data)


def test_hostile_zips_are_refused_before_anything_is_read(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, zipped: Path, tmp_path: Path
) -> None:
    good = zipped.read_bytes()
    rewrite(zipped, tmp_path / "packed.zip", method=zipfile.ZIP_DEFLATED)
    rewrite(zipped, tmp_path / "upwards.zip", members={f"{TOP}/../../evil": b"x"})
    rewrite(zipped, tmp_path / "absolute.zip", members={"/etc/evil": b"x"})
    rewrite(zipped, tmp_path / "outside.zip", members={"other/file": b"x"})
    with pytest.warns(UserWarning, match="Duplicate"):
        rewrite(zipped, tmp_path / "twice.zip", members={f"{TOP}/bagit.txt": b"x"})
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        info = zipfile.ZipInfo(f"{TOP}/bagit.txt")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    (tmp_path / "prefix.zip").write_bytes(b"#!/bin/sh\n" + good)
    (tmp_path / "suffix.zip").write_bytes(good + b"\0" * 22)
    (tmp_path / "cut.zip").write_bytes(good[:-40])
    (tmp_path / "count.zip").write_bytes(good[:-14] + b"\xff\xfe" * 2 + good[-10:])
    for path in sorted(tmp_path.glob("*.zip")):
        status, report = verify(capsys, path, "--key", evidence.vkey)
        assert (status, [one["check"] for one in report["findings"]]) == (1, [1]), path.name


def test_any_flipped_byte_of_the_directory_is_a_finding_and_no_crash(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, zipped: Path, tmp_path: Path
) -> None:
    good = zipped.read_bytes()
    start = int.from_bytes(good[-6:-2], "little")
    target = tmp_path / "flipped.zip"
    for at in range(start, len(good), 211):
        data = bytearray(good)
        data[at] ^= 0x10
        target.write_bytes(data)
        status, report = verify(capsys, target, "--key", evidence.vkey)
        assert status in {0, 1}, at
        assert report["verdict"] in {"fine", "findings"}


def test_nothing_there_is_no_verdict(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["verify", "package", str(tmp_path / "no-such")]) == 2
    assert "[package-unreadable]" in capsys.readouterr().err


@pytest.mark.parametrize("shape", ["folder", "file", "pdf"])
def test_what_is_no_package_is_said_first_and_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, shape: str
) -> None:
    """One error, no list of checks that could not be made; exit status 2, in text, JSON and HTML."""
    other, page = tmp_path / "other", tmp_path / "page.html"
    if shape == "folder":
        (other / ".git").mkdir(parents=True)
    else:
        other.write_bytes(b"" if shape == "file" else b"%PDF-1.7" + bytes(100))
    assert run(["verify", "package", str(other), "--html", str(page)]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("  THIS IS NO EVIDENCE PACKAGE: the f")
    assert lines[1].endswith("[package-none]")
    assert lines[2:] == ["", "Verdict: NOT CHECKED"]
    assert "This is no evidence package" in page.read_text()
    assert "<td>form of the package" not in page.read_text()
    assert run(["verify", "package", str(other), "--lang", "zh"]) == 2
    assert "这不是证据包" in capsys.readouterr().out
    status, report = verify(capsys, other)
    assert (status, report["verdict"], report["error"]["code"]) == (2, "not-checked", "package-none")
    assert report["findings"] == []


def test_a_damaged_package_says_first_what_is_wrong_with_it(
    capsys: pytest.CaptureFixture[str], zipped: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.zip"
    cut.write_bytes(zipped.read_bytes()[:-100])
    assert run(["verify", "package", str(cut)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].startswith("  ! 1  the zip is not a package's")
    assert lines[4:] == ["  Nothing else could be checked.", "", "Verdict: FINDINGS"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_says_the_same_by_number_and_loads_nothing(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, tmp_path: Path, lang: str
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(evidence.package, broken)
    (broken / "data/README.en.txt").write_text("<script>alert(1)</script>")
    (broken / "data/b.txt").write_text("x")
    for folder in (evidence.package, broken):
        page = tmp_path / "page.html"
        _, report = verify(capsys, folder, "--trust", evidence.vkey, "--lang", lang, "--html", page)
        text = page.read_text()
        rows = re.findall(r'<td class="number">(\d+)</td>.*?<span class="status ([a-z-]+)">', text)
        assert rows == [(str(one["number"]), one["status"]) for one in report["checks"]]
        assert all(one["code"] in text for one in report["findings"])
        assert "default-src 'none'" in text
        assert not re.search(r"<script|<img|<link|src=|href=", text)
        assert f'id="lang-{lang}" checked' in text


def signed(evidence: Evidence, size: int, root: bytes) -> bytes:
    """A checkpoint of the log by its second key, which the reader trusts too."""
    return sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root), [forged_log_key(ORIGIN)]).note.encode()


def test_the_checkpoint_that_the_reader_remembers_decides(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, tmp_path: Path
) -> None:
    """Another history of the same size, and a log that was longer than the package's, are what `--since` is there to find."""
    newest = parse_checkpoint((evidence.package / "data/log/checkpoint").read_bytes()).checkpoint
    earlier = parse_checkpoint(evidence.earlier.read_bytes()).checkpoint
    trust = ("--trust", evidence.vkey, "--trust", forged_log_key(ORIGIN).vkey.encode())
    held = tmp_path / "held"
    for size, root, status, found in (
        (newest.size, newest.root, 0, []),
        (newest.size, bytes(32), 1, [(4, "fork")]),
        (newest.size + 1_000, bytes(32), 1, [(4, "rollback")]),
        (earlier.size, earlier.root, 0, []),
        (earlier.size, bytes(32), 1, [(4, "fork")]),
        (earlier.size + 1, bytes(32), 2, []),
    ):
        held.write_bytes(signed(evidence, size, root))
        ended, report = verify(capsys, evidence.package, *trust, "--since", held)
        assert (ended, [(one["check"], one["code"]) for one in report["findings"]]) == (status, found)
        assert (4 in report["not_checked"], 4 in report["optional"]) == (status == 2, False)


def test_a_remembered_checkpoint_that_no_trusted_key_signed_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    held.write_bytes(signed(evidence, 3, bytes(32)))
    stranger = forged_log_key("other.example/log")
    held_elsewhere = tmp_path / "elsewhere"
    told = Checkpoint(origin="other.example/log", size=3, root=bytes(32))
    held_elsewhere.write_bytes(sign_checkpoint(told, [stranger]).note.encode())
    both = ("--trust", evidence.vkey, "--trust", stranger.vkey.encode())
    for trust, since in ((("--trust", evidence.vkey), held), ((), evidence.earlier), (both, held_elsewhere)):
        assert run(["verify", "package", str(evidence.package), *trust, "--since", str(since)]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1), err
