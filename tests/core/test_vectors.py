"""The vector files of the tree's and C2SP's forms: every one is run, and regenerated from fixed keys."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from custody.core.add_checkpoint import parse_add_checkpoint
from custody.core.bundle import decode_bundle, encode_bundle
from custody.core.checkpoint import open_checkpoint, parse_checkpoint
from custody.core.cosignature import Cosignature, verify_cosignatures
from custody.core.errors import CustodyError
from custody.core.note import VerifierKey, encode_note, parse_note, verify_note
from custody.core.policy import parse_policy
from custody.core.proof import verify_consistency, verify_inclusion
from custody.core.range_proof import RangeProof, verify_range
from custody.core.tile import new_tiles, parse_entries_path, parse_tile_path
from custody.core.tlog_proof import parse_tlog_proof, verify_tlog_proof
from custody.core.tree import EMPTY_FRONTIER, extend

if TYPE_CHECKING:
    from types import ModuleType

VECTORS = Path(__file__).parent.parent / "vectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One file: what is expected, the keys in order, and the payload."""

    expect: str
    keys: list[tuple[str, str]]
    payload: bytes

    @classmethod
    def read(cls, path: Path) -> Vector:
        head, _, payload = path.read_bytes().partition(b"\n\n")
        keys = [(key, value) for key, _, value in (line.partition(": ") for line in head.decode().split("\n"))]
        (expect,) = [value for key, value in keys if key == "expect"]
        return cls(expect=expect, keys=keys, payload=payload)

    def all(self, key: str) -> list[str]:
        return [value for name, value in self.keys if name == key]

    def one(self, key: str) -> str:
        (value,) = self.all(key)
        return value

    def number(self, key: str) -> int:
        return int(self.one(key))

    def hashes(self, key: str) -> tuple[bytes, ...]:
        return tuple(bytes.fromhex(value) for value in self.all(key))

    def lines(self) -> tuple[bytes, ...]:
        return tuple(bytes.fromhex(line) for line in self.payload.decode().split())

    def vkeys(self) -> list[VerifierKey]:
        return [VerifierKey.parse(value) for value in self.all("vkey")]

    def text(self) -> str:
        return self.payload.decode()


def tree(case: Vector) -> None:
    assert len(case.lines()) == case.number("size")
    assert extend(EMPTY_FRONTIER, case.lines()).root.hex() == case.one("root")


def inclusion(case: Vector) -> None:
    (leaf,), (root,) = case.hashes("leaf"), case.hashes("root")
    verify_inclusion(leaf, case.number("index"), case.number("size"), case.lines(), root)


def consistency(case: Vector) -> None:
    (old_root,), (new_root,) = case.hashes("old-root"), case.hashes("new-root")
    verify_consistency(case.number("old-size"), old_root, case.number("new-size"), new_root, case.lines())


def span(case: Vector) -> None:
    proof = RangeProof(left=case.hashes("left"), right=case.hashes("right"))
    verify_range(case.lines(), case.number("first"), case.number("size"), proof, bytes.fromhex(case.one("root")))


def tile(case: Vector) -> None:
    if case.payload.startswith(b"tile/entries/"):
        bundle = parse_entries_path(case.text())
        assert (case.one("level"), *bundle) == ("entries", case.number("index"), case.number("width"))
    else:
        found = parse_tile_path(case.text())
        assert found == (case.number("level"), case.number("index"), case.number("width"))


def tree_tiles(case: Vector) -> None:
    found = [one for one in new_tiles(0, case.number("size")) if one.level or one.width < 256]
    assert ["/".join(map(str, one)) for one in found] == case.all("tile")


def bundle(case: Vector) -> None:
    (data,) = case.lines() or (b"",)
    entries = decode_bundle(data, case.number("width"))
    assert [entry.hex() for entry in entries] == case.all("entry")
    assert encode_bundle(entries) == data


def vkey(case: Vector) -> None:
    key = VerifierKey.parse(case.text())
    found = key.name, f"0x{key.signature_type:02x}", key.key_id.hex()
    assert found == (case.one("name"), case.one("type"), case.one("key-id"))
    assert key.encode() == case.text()


def note(case: Vector) -> None:
    parsed = parse_note(case.payload)
    assert encode_note(parsed) == case.payload
    verified = verify_note(parsed, case.vkeys())
    assert len(verified) == case.number("verified")


def checkpoint(case: Vector) -> None:
    opened = open_checkpoint(case.payload, case.vkeys(), origin=case.one("origin"))
    assert (opened.size, opened.root.hex()) == (case.number("size"), case.one("root"))


def cosignature(case: Vector) -> None:
    signed = parse_checkpoint(case.payload)
    found = verify_cosignatures(signed.note, case.vkeys())
    assert [str(one.timestamp_s) for one in found] == case.all("time")


def policy(case: Vector) -> None:
    parsed = parse_policy(case.payload)
    keys = {one.name: one.vkey for one in parsed.witnesses}
    parsed.check(Cosignature(key=keys[name], timestamp_s=1) for name in case.all("cosigned"))


def tlog_proof(case: Vector) -> None:
    trusted = parse_policy("".join(f"{line}\n" for line in case.all("policy")).encode())
    proof = parse_tlog_proof(case.payload)
    assert proof.encode() == case.payload
    verify_tlog_proof(proof, bytes.fromhex(case.one("leaf")), trusted)


def add_checkpoint(case: Vector) -> None:
    request = parse_add_checkpoint(case.payload)
    assert request.encode() == case.payload
    assert (request.old_size, request.proof) == (case.number("old-size"), case.hashes("proof"))


RUNNERS: dict[str, Callable[[Vector], None]] = {
    "tree": tree,
    "inclusion": inclusion,
    "consistency": consistency,
    "range": span,
    "tile": tile,
    "tree-tiles": tree_tiles,
    "bundle": bundle,
    "vkey": vkey,
    "note": note,
    "checkpoint": checkpoint,
    "cosignature": cosignature,
    "policy": policy,
    "tlog-proof": tlog_proof,
    "add-checkpoint": add_checkpoint,
}
CASES = [path for folder in RUNNERS for path in sorted((VECTORS / folder).glob("*.txt"))]


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vector(path: Path) -> None:
    case = Vector.read(path)
    run = RUNNERS[path.parent.name]
    if case.expect == "ok":
        run(case)
        return
    with pytest.raises(CustodyError) as caught:
        run(case)
    assert caught.value.code == case.expect


@pytest.mark.parametrize("folder", RUNNERS)
def test_every_folder_has_good_cases_and_every_parser_bad_ones(folder: str) -> None:
    expected = [Vector.read(path).expect for path in (VECTORS / folder).glob("*.txt")]
    assert "ok" in expected
    assert folder in {"tree", "tree-tiles"} or set(expected) - {"ok"}


def test_the_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    generate = _generator()
    generate.write(tmp_path)
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.txt")}
    present = {path.relative_to(VECTORS): path.read_bytes() for path in CASES}
    assert written.keys() == present.keys()
    assert [str(name) for name, data in present.items() if written[name] != data and "kept-" not in name.name] == []


def _generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate_vectors", VECTORS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
