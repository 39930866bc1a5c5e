"""The vector files of Custody's own forms: every one is run, and regenerated from fixed data."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from custody.core.disclosure import check_disclosure
from custody.core.entry import decode_entry
from custody.core.errors import CustodyError
from custody.core.hashing import leaf_hash
from custody.core.heads import decode_heads, heads_root
from custody.core.range_proof import RangeProof
from custody.core.receipt import Run, Submitted, verify_runs
from custody.core.record import read_record
from custody.core.seal import SealKey, verify_batch
from custody.core.tree_head import Checkpoint
from custody.v1 import entry_pb2

VECTORS = Path(__file__).parent.parent / "vectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    keys: dict[str, list[str]]
    payload: list[bytes]

    @classmethod
    def read(cls, path: Path) -> Vector:
        head, _, payload = path.read_text(encoding="utf-8").partition("\n\n")
        keys: dict[str, list[str]] = {}
        for line in head.split("\n"):
            key, _, value = line.partition(": ")
            keys.setdefault(key, []).append(value)
        return cls(keys=keys, payload=[bytes.fromhex(line) for line in payload.splitlines()])

    def one(self, key: str) -> str:
        (value,) = self.keys[key]
        return value

    def hexes(self, key: str) -> tuple[bytes, ...]:
        return tuple(bytes.fromhex(value) for value in self.keys.get(key, []))


def run_record(case: Vector) -> None:
    read = read_record(case.payload[0])
    assert read.kind.name == case.one("kind")
    assert read.record_id.hex() == case.one("record-id")
    assert read.period_us == (int(case.one("from-us")), int(case.one("to-us")))
    assert list(read.chains) == case.keys["chain"]
    assert read.digests == case.hexes("digest")


def run_entry(case: Vector) -> None:
    read = decode_entry(case.payload[0])
    assert leaf_hash(read.raw).hex() == case.one("leaf")
    assert (read.submitter, read.sequenced_at_us) == (case.one("submitter"), int(case.one("sequenced-at-us")))
    assert [f"{link.chain} {link.seq} {link.prev.hex() or '-'}" for link in read.links] == case.keys["link"]


def run_disclosure(case: Vector) -> None:
    read = check_disclosure(case.payload[0], bytes.fromhex(case.one("commitment")))
    assert (read.name, read.value) == (case.one("name"), case.one("value"))


def run_heads(case: Vector) -> None:
    assert heads_root(decode_heads(case.payload)).hex() == case.one("root")


def run_receipt(case: Vector) -> None:
    checkpoint = Checkpoint(origin="x", size=int(case.one("size")), root=bytes.fromhex(case.one("root")))
    batch = [Submitted(record, b"", (case.one("chain"),)) for record in case.hexes("record")]
    proof = RangeProof(left=case.hexes("left"), right=case.hexes("right"))
    verify_runs(batch, [Run(int(case.one("first")), case.payload, [], proof)], checkpoint)


def run_seal(case: Vector) -> None:
    key = SealKey.from_spki(int(case.one("algorithm")), bytes.fromhex(case.one("public-key")))
    verify_batch(entry_pb2.Seal.FromString(case.payload[0]), key, case.one("origin"), case.hexes("record"))


RUNNERS: dict[str, Callable[[Vector], None]] = {
    "record": run_record,
    "entry": run_entry,
    "disclosure": run_disclosure,
    "heads": run_heads,
    "receipt": run_receipt,
    "seal": run_seal,
}
CASES = [path for folder in RUNNERS for path in sorted((VECTORS / folder).glob("*.txt"))]


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_vector(path: Path) -> None:
    case = Vector.read(path)
    run, expected = RUNNERS[path.parent.name], case.one("expect")
    if expected == "ok":
        run(case)
        return
    with pytest.raises(CustodyError) as caught:
        run(case)
    assert caught.value.code == expected


@pytest.mark.parametrize("folder", RUNNERS)
def test_every_folder_has_good_and_bad_cases(folder: str) -> None:
    expected = [Vector.read(path).one("expect") for path in (VECTORS / folder).glob("*.txt")]
    assert "ok" in expected
    assert set(expected) - {"ok"}


def test_the_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("generate_forms", VECTORS / "generate_forms.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    generate.write(tmp_path)
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.txt")}
    kept = {path.relative_to(VECTORS): path.read_bytes() for path in CASES}
    assert written == kept
