"""End records of large zips. From 2 GiB on Python's zipfile writes both, and leaves in the small one what still fits there."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from custody.core.errors import MalformedError
from custody.verifier.package.zip_directory import read_zip

NAMES = ["package/bagit.txt", "package/data/manifest.json"]


def plain(path: Path) -> tuple[bytes, bytes, int, int]:
    """A small zip: everything before its end record, that record, and size and start of the directory."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in NAMES:
            archive.writestr(name, name)
    data = path.read_bytes()
    size, start = struct.unpack_from("<II", data, len(data) - 10)
    return data[:-22], data[-22:], size, start


def with_zip64(path: Path, *, count: int = 2, told: bytes | None = None) -> None:
    head, end, size, start = plain(path)
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(head), 1)
    path.write_bytes(head + wide + locator + (told or end))


def test_both_end_records_may_tell_the_same(tmp_path: Path) -> None:
    with_zip64(tmp_path / "two.zip")
    assert [member.name for member in read_zip(tmp_path / "two.zip")] == NAMES


def test_the_small_one_may_point_to_the_large_one(tmp_path: Path) -> None:
    told = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    with_zip64(tmp_path / "full.zip", told=told)
    assert [member.name for member in read_zip(tmp_path / "full.zip")] == NAMES


@pytest.mark.parametrize("count", [1, 3])
def test_they_must_not_differ(tmp_path: Path, count: int) -> None:
    with_zip64(tmp_path / "differ.zip", count=count)
    with pytest.raises(MalformedError, match="differ"):
        read_zip(tmp_path / "differ.zip")


def test_a_small_one_that_points_to_nothing_is_refused(tmp_path: Path) -> None:
    head, end, _, _ = plain(tmp_path / "none.zip")
    (tmp_path / "none.zip").write_bytes(head + end[:16] + b"\xff\xff\xff\xff" + end[20:])
    with pytest.raises(MalformedError, match="elsewhere"):
        read_zip(tmp_path / "none.zip")
