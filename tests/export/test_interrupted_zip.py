"""A zip that is interrupted while it is packed goes on where it stopped, and is the same bytes as without the interruption.

Faults come in pairs at every write: nothing of it reached the disk, or all of it did. What stands in an unfinished zip is
never believed unread.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from evidence import Evidence

from custody.cli.main import run
from custody.export import archive
from custody.export import run as export_run
from custody.export.archive import write_zip


class Torn(io.FileIO):
    """A file without a buffer that dies at one of its writes, before or after the bytes are in it, and is dead from then on."""

    def __init__(self, path: Path, left: int, *, after: bool) -> None:
        super().__init__(os.open(path, os.O_RDWR | os.O_CREAT), "r+")
        self.left = left
        self._after = after

    def write(self, data: object, /) -> int:
        self.left -= 1
        if self.left == 0 and self._after:
            super().write(data)  # type: ignore[arg-type]
        if self.left <= 0:
            raise OSError("torn")
        return super().write(data)  # type: ignore[arg-type]


@pytest.fixture
def bag(tmp_path: Path) -> tuple[Path, dict[str, bytes], dict[str, Path]]:
    """A small folder, digests of its payload, and two files of footage that lie elsewhere."""
    folder, footage = tmp_path / "folder", tmp_path / "footage"
    for name in ("bagit.txt", "data/manifest.json", "data/log/entries", "data/empty", "signatures/a.pem"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name.endswith("empty") else random.Random(name).randbytes(700))
    footage.mkdir()
    elsewhere = {}
    for name in ("one.mp4", "two.mp4"):
        (footage / name).write_bytes(b"PK\x05\x06" + random.Random(name).randbytes(3_000) + b"PK\x03\x04")
        elsewhere[f"data/footage/{name}"] = footage / name
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()} | elsewhere
    digests = {name: sha256(path.read_bytes()).digest() for name, path in files.items() if name.startswith("data/")}
    return folder, digests, elsewhere


Bag = tuple[Path, dict[str, bytes], dict[str, Path]]


def packed(bag: Bag, target: Path) -> bytes:
    write_zip(bag[0], target, bag[1], bag[2])
    return target.read_bytes()


@pytest.mark.parametrize("after", [False, True])
def test_torn_at_any_write_it_ends_in_the_same_bytes(
    bag: Bag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    whole = packed(bag, tmp_path / "whole.zip")
    number = 0
    while True:
        number += 1
        target = tmp_path / f"{number}-{after}.zip"
        torn: list[Torn] = []

        def opened(path: Path, number: int = number, torn: list[Torn] = torn) -> Torn:
            torn.append(Torn(path, number, after=after))
            return torn[0]

        with monkeypatch.context() as patch:
            patch.setattr(archive, "open_partial", opened)
            try:
                packed(bag, target)
            except OSError:
                assert not target.exists()
        if torn[0].left > 0:
            break
        assert packed(bag, target) == whole, number
        assert not target.with_name(f"{target.name}.new").exists()
    assert number > 20


def test_any_beginning_of_it_is_gone_on_from(bag: Bag, tmp_path: Path) -> None:
    """Also behind its end: a zip that was whole and had not got its name yet, with or without rubbish behind it."""
    whole = packed(bag, tmp_path / "whole.zip")
    target = tmp_path / "again.zip"
    for length in [*range(0, len(whole), 97), len(whole)]:
        (tmp_path / "again.zip.new").write_bytes(whole[:length])
        assert packed(bag, target) == whole, length
    (tmp_path / "again.zip.new").write_bytes(whole + b"rubbish")
    assert packed(bag, target) == whole


def test_nothing_that_was_tampered_with_stays(bag: Bag, tmp_path: Path) -> None:
    """One bit anywhere in an unfinished zip, headers too; members exchanged; another zip; a link to another file."""
    whole = packed(bag, tmp_path / "whole.zip")
    fresh, target = tmp_path / "again.zip.new", tmp_path / "again.zip"
    for at in range(0, len(whole), 31):
        changed = bytearray(whole)
        changed[at] ^= 1
        fresh.write_bytes(changed)
        assert packed(bag, target) == whole, at
    fresh.write_bytes(whole[:2_000] + whole[2_100:])
    assert packed(bag, target) == whole
    victim = tmp_path / "victim"
    victim.write_bytes(b"of somebody else")
    fresh.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        packed(bag, target)
    assert victim.read_bytes() == b"of somebody else"


def test_whole_members_are_not_written_again(bag: Bag, tmp_path: Path) -> None:
    """What stands there as it must is read, and only the rest is written."""
    whole = packed(bag, tmp_path / "whole.zip")
    fresh = tmp_path / "again.zip.new"
    fresh.write_bytes(whole[: len(whole) * 3 // 4])
    watched = Torn(fresh, 10**6, after=False)
    kept, end = archive._whole_members(watched, sorted(_files(bag).items()), bag[1], lambda _: None)
    watched.close()
    assert [info.filename for info in kept] == [f"package/{name}" for name in sorted(_files(bag))[: len(kept)]]
    assert len(kept) >= 4
    assert end <= len(whole) * 3 // 4


def _files(bag: Bag) -> dict[str, Path]:
    folder, _, elsewhere = bag
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()} | elsewhere


KILLED = """
import os, signal, sys
from custody.cli.main import run
from custody.export import archive
put, left = archive._put, int(sys.argv[1])

def killing(*arguments):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return put(*arguments)

archive._put = killing
sys.exit(run(sys.argv[2:]))
"""


def test_a_killed_export_packs_on_and_asks_nobody(
    evidence: Evidence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """kill -9 at several members, one after the other; the ledger is not asked again, and no footage is looked for again."""
    out = tmp_path / "killed.zip"
    command = evidence.arguments(out)
    sizes = []
    for members in (3, 9, 5):
        ended = subprocess.run([sys.executable, "-c", KILLED, str(members), *command], check=False, timeout=120)
        assert ended.returncode == -signal.SIGKILL
        assert not out.exists()
        sizes.append(out.with_name("killed.zip.new").stat().st_size)
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3
    shutil.copytree(tmp_path / "killed.zip.partial", tmp_path / "straight.zip.partial")
    note = json.loads((tmp_path / "straight.zip.partial/finished.json").read_bytes())
    assert run(command) == 0
    assert f"recorded as entry {note['exported']['export_index']};" in capsys.readouterr().out
    assert not out.with_name("killed.zip.partial").exists()
    assert run(evidence.arguments(tmp_path / "straight.zip")) == 0
    assert out.read_bytes() == (tmp_path / "straight.zip").read_bytes()
    assert run(["verify", "package", str(out), "--key", evidence.vkey]) == 0


def test_a_finished_folder_that_was_changed_is_made_again(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write beside the package cannot have anything packed that the exporter did not sign."""
    with monkeypatch.context() as patch:
        patch.setattr(export_run, "write_zip", lambda *_: 1 / 0)
        assert run(evidence.arguments(tmp_path / "good.zip")) == 2
    good = tmp_path / "good.zip.partial"

    def report(work: Path) -> None:
        path = work / "package/data/reports/report.en.html"
        path.write_bytes(path.read_bytes() + b"<!-- -->")

    def manifest(work: Path) -> None:
        report(work)
        path, data = work / "package/manifest-sha256.txt", work / "package/data/reports/report.en.html"
        old = path.read_text()
        was = next(line for line in old.splitlines() if line.endswith("report.en.html"))
        path.write_text(old.replace(was, f"{sha256(data.read_bytes()).hexdigest()}  data/reports/report.en.html"))

    def stray(work: Path) -> None:
        (work / "package/data/more.txt").write_bytes(b"more")

    def footage(work: Path) -> None:
        note = json.loads((work / "finished.json").read_bytes())
        note["elsewhere"].popitem()
        (work / "finished.json").write_text(json.dumps(note, sort_keys=True, indent=1, ensure_ascii=False) + "\n")

    def rubbish(work: Path) -> None:
        (work / "finished.json").write_bytes(b"[]")

    for change in (report, manifest, stray, footage, rubbish):
        out = tmp_path / f"{change.__name__}.zip"
        shutil.copytree(good, tmp_path / f"{out.name}.partial")
        change(tmp_path / f"{out.name}.partial")
        assert run(evidence.arguments(out)) == 0
        assert run(["verify", "package", str(out), "--key", evidence.vkey]) == 0, change.__name__
