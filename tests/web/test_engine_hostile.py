"""Hostile input: zips that are none, flipped bytes, and mutated vectors, which both implementations must read alike."""

from __future__ import annotations

import base64
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine_page import Engine
from google.protobuf.message import DecodeError
from tests.core import test_form_vectors, test_vectors

from custody.core.errors import CustodyError
from custody.verifier.package.layout import TOP
from custody.verifier.package.run import PackagePlan, verify_package
from custody.verifier.progress import progress_bar

VECTORS = Path(__file__).parent.parent / "vectors"
MUTATIONS = 8
"""Of each vector; the seed is fixed, so the same ones each time."""


TEXTS = {"vkey", "note", "checkpoint", "cosignature", "policy", "tlog-proof", "add-checkpoint", "tile"}
"""Folders whose payload is text; elsewhere it is bytes, written in hexadecimal."""


def mutated(data: bytes, folder: str, dice: random.Random) -> bytes:
    """The same header with another payload."""
    head, gap, payload = data.partition(b"\n\n")
    if folder in TEXTS:
        return head + gap + changed(payload, dice)
    lines = payload.decode().split()
    if not lines:
        return data
    at = dice.randrange(len(lines))
    lines[at] = changed(bytes.fromhex(lines[at]), dice).hex() or "00"
    return head + gap + "".join(f"{line}\n" for line in lines).encode()


def changed(data: bytes, dice: random.Random) -> bytes:
    """A byte replaced, a piece cut out, doubled or put in."""
    found = bytearray(data)
    at = dice.randrange(len(found)) if found else 0
    match dice.randrange(5):
        case 0 if found:
            found[at] ^= 1 << dice.randrange(8)
        case 1 if found:
            found[at] = dice.choice(b"0129afAZ+/= \n\t")
        case 2 if found:
            del found[at : at + dice.randrange(1, 4)]
        case 3 if found:
            found[at:at] = found[at : at + dice.randrange(1, 40)]
        case _:
            found[at:at] = bytes([dice.randrange(256)])
    return bytes(found)


def in_python(folder: str, path: Path) -> str:
    """`ok`, the code, `other` where something else was read, or `unreadable` where the case itself is broken."""
    core: dict[str, Callable[[Any], None]] = test_vectors.RUNNERS
    try:
        if folder in core:
            core[folder](test_vectors.Vector.read(path))
        else:
            test_form_vectors.RUNNERS[folder](test_form_vectors.Vector.read(path))
    except CustodyError as error:
        return error.code
    except AssertionError:
        return "other"
    except (ValueError, IndexError, KeyError, DecodeError):
        return "unreadable"
    return "ok"


def plain(answer: str) -> str:
    """`wrong: found` is what differs from the case; every other `wrong` is a fault of the engine."""
    return "other" if answer.startswith("wrong: found ") else answer


def test_mutated_vectors_are_read_alike(engine: Engine, tmp_path: Path) -> None:
    dice = random.Random(20_260)
    cases: list[tuple[str, bytes, str]] = []
    for path in sorted(VECTORS.glob("*/*.txt")):
        if path.parent.name == "seal":
            continue  # in Python the message comes out of an entry that was read strictly before
        data = path.read_bytes()
        for number in range(MUTATIONS if len(data) < 8_000 else 2):
            other = mutated(data, path.parent.name, dice)
            (tmp_path / "case.txt").write_bytes(other)
            expected = in_python(path.parent.name, tmp_path / "case.txt")
            if expected != "unreadable":
                cases.append((f"{path.parent.name}/{path.stem}-{number}", other, expected))
    found = engine.run(
        [{"folder": name.split("/")[0], "data": base64.b64encode(data).decode()} for name, data, _ in cases]
    )
    differ = {
        name: (expected, answer)
        for (name, _, expected), answer in zip(cases, found, strict=True)
        if plain(answer) != expected
    }
    assert len(cases) > 1_200
    assert not differ, differ


def small_zip(path: Path, method: int = zipfile.ZIP_STORED, more: str = "") -> bytes:
    """A zip that a package could be, but for what is in it."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in ("bagit.txt", "data/manifest.csv"):
            archive.writestr(zipfile.ZipInfo(f"{TOP}/{name}"), b"text " * 20, method)
        if more:
            archive.writestr(more, b"x")
    return path.read_bytes()


def hostile_zips(folder: Path) -> list[Path]:
    good = small_zip(folder / "good.zip")
    size, start = struct.unpack_from("<II", good, len(good) - 10)
    small_zip(folder / "packed.zip", zipfile.ZIP_DEFLATED)
    small_zip(folder / "upwards.zip", more=f"{TOP}/../../evil")
    small_zip(folder / "absolute.zip", more="/etc/evil")
    small_zip(folder / "outside.zip", more="other/file")
    small_zip(folder / "folder.zip", more=f"{TOP}/data/")
    small_zip(folder / "hidden.zip", more=f"{TOP}/.hidden")
    with zipfile.ZipFile(folder / "link.zip", "w") as archive:
        info = zipfile.ZipInfo(f"{TOP}/bagit.txt")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, size, start)
    huge = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, 1 << 62, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(good) - 22, 1)
    made = {
        "prefix": b"#!/bin/sh\n" + good, "suffix": good + bytes(22), "cut": good[:-4], "empty": b"", "end-alone": good[-22:],
        "count": good[:-14] + b"\xff\xfe" * 2 + good[-10:], "wide": good[:-22] + wide + locator + good[-22:],
        "huge": good[:-22] + huge + locator + good[-22:], "locator-alone": good[:-22] + locator + good[-22:],
        "twice": small_zip(folder / "more.zip", more=f"{TOP}/bagix.txt").replace(b"bagix", b"bagit"),
    }  # fmt: skip
    for at in range(0, len(good), 5):
        made[f"flipped-{at}"] = good[:at] + bytes([good[at] ^ 0x11]) + good[at + 1 :]
    for name, data in made.items():
        (folder / f"{name}.zip").write_bytes(data)
    return sorted(folder.glob("*.zip"))


def test_hostile_zips_are_refused_alike(engine: Engine, tmp_path: Path) -> None:
    zips = hostile_zips(tmp_path)
    reports = dict(zip(zips, engine.verify(zips), strict=True))
    for path, report in reports.items():
        told = verify_package(path, PackagePlan(), progress_bar)
        if told.nothing:
            assert report == {"error": "package-none"}, path.name
            continue
        expected = [(one.check, one.code) for one in told.findings.kept]
        assert [(one["check"], one["code"]) for one in report["findings"]] == expected, path.name
        assert report["verdict"] == "findings"
