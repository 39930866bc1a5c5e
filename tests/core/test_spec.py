"""docs/spec says what the code does: worked values, the table of kinds, the table of error codes."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from custody.core import limits
from custody.core.digest import CHUNK_BYTES, FileHasher, media_root
from custody.core.disclosure import decode_disclosure
from custody.core.entry import decode_entry
from custody.core.hashing import leaf_hash
from custody.core.heads import decode_heads, heads_root
from custody.core.kinds import KINDS
from custody.core.record import read_record
from custody.core.seal import seal_root
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.v1 import entry_pb2, record_pb2

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "docs" / "spec"
SOURCES = ("ledger", "signer", "verifier", "clients")
CODE = re.compile(r'\b_?(?:code|CODE)(?:: str|: Final)? ?= ?"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)"(?! if)')
CHOICE = re.compile(r'\bcode="([a-z-]+)" if .* else "([a-z-]+)"')
FIELD_CODE = re.compile(r"""['"](record-[a-z-]+)['"]\)""")


def page(name: str) -> str:
    return (SPEC / f"{name}.md").read_text(encoding="utf-8")


def payload(name: str) -> list[bytes]:
    text = (ROOT / "tests" / "vectors" / f"{name}.txt").read_text(encoding="utf-8").partition("\n\n")[2]
    return [bytes.fromhex(line) for line in text.splitlines()]


def hex_of(text: str) -> str:
    """All hexadecimal blocks of a page, joined: a long value stands on several lines."""
    return re.sub(r"\n {4}", "", text)


def test_the_worked_record_and_entry() -> None:
    (record,), (entry,) = payload("record/segment"), payload("entry/plain")
    read = decode_entry(entry)
    assert read.record == record
    assert record.hex() in hex_of(page("record"))
    assert f"{len(record)} bytes" in page("record")
    stamp = entry[3 + len(record) :]
    assert entry_pb2.Stamp.FromString(stamp).submitter == read.submitter
    assert stamp.hex() in hex_of(page("entry"))
    assert f"{len(stamp)}\nbytes" in page("entry")
    assert leaf_hash(entry).hex() in page("entry")
    assert read_record(record).at_us == 1_763_900_000_000_000


def test_the_worked_heads_disclosure_and_seal() -> None:
    assert heads_root(decode_heads(payload("heads/three"))).hex() in page("heads")
    (disclosure,) = payload("disclosure/ok")
    assert decode_disclosure(disclosure).commitment().hex() in page("disclosure")
    assert disclosure.hex() in hex_of(page("disclosure"))
    assert b64encode(seal_root([b"record 0", b"record 1", b"record 2"])).decode() in page("seal")
    assert entry_pb2.Seal.FromString(payload("seal/ok")[0]).signature.hex() in hex_of(page("seal"))


def test_the_worked_digests_and_roots() -> None:
    hasher = FileHasher(chunks=True)
    hasher.update(b"a" * CHUNK_BYTES)
    hasher.update(b"b")
    assert hasher.sha256().hex() in page("digests")
    assert hasher.chunk_root().hex() in page("digests")
    units = [sha256(unit).digest() for unit in (b"efirst", b"Asecond", b"Athird")]
    assert media_root(units).hex() in page("media-root")
    leaves = [leaf_hash(b""), leaf_hash(b"\x00")]
    assert leaves[0].hex() in page("tree")
    assert extend(EMPTY_FRONTIER, leaves).root.hex() in page("tree")


def test_the_table_of_kinds() -> None:
    fields = record_pb2.Record.DESCRIPTOR.oneofs_by_name["kind"].fields
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| `?([\w/]+)`? \| (.*) \|$", page("record"), re.MULTILINE)
    assert [(name, int(number)) for name, number, _, _ in rows] == [(field.name, field.number) for field in fields]
    for name, _, family, required in rows:
        assert family == KINDS[name].family
        assert tuple(re.findall(r"`([\w.]+)`", required)) == KINDS[name].required


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("record", f"{limits.MAX_RECORD_BYTES:,}"),
        ("record", str(limits.MAX_TIME_US)),
        ("record", f"at most {limits.MAX_STREAMS_PER_RECORD} items"),
        ("record", f"at most {limits.MAX_REPEATED:,} items"),
        ("record", f"+ {limits.LINK_BYTES}) + {limits.STAMP_BYTES:,} <= {limits.MAX_ENTRY_BYTES:,}"),
        ("entry", f"{limits.MAX_ENTRY_BYTES:,}"),
        ("receipt", f"{limits.MAX_BATCH_RECORDS:,} stamps"),
        ("README", f"at most {limits.MAX_TEXT_CHARS} code points"),
    ],
)
def test_the_limits(name: str, value: str) -> None:
    assert value in page(name)


def test_every_page_is_in_the_index_and_every_link_leads_somewhere() -> None:
    pages = {path.stem for path in SPEC.glob("*.md")}
    links = {
        path.stem: set(re.findall(r"\]\(([\w-]+)\.md\)", path.read_text(encoding="utf-8")))
        for path in SPEC.glob("*.md")
    }
    assert links["README"] | {"README"} >= pages
    assert set().union(*links.values()) <= pages


def codes_in_source() -> set[str]:
    found: set[str] = set()
    for source in SOURCES:
        for path in (ROOT / source).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found |= set(CODE.findall(text)).union(*CHOICE.findall(text))
    return found | set(FIELD_CODE.findall((ROOT / "ledger/custody/core/fields.py").read_text(encoding="utf-8")))


def test_every_error_code_has_its_row_in_errors_md() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| .+ \|$", page("errors"), re.MULTILINE)
    assert len(rows) == len(set(rows)), "a code stands twice"
    missing, stale = codes_in_source() - set(rows), set(rows) - codes_in_source()
    assert not missing, f"write a row into docs/spec/errors.md for: {sorted(missing)}"
    assert not stale, f"no longer raised, or spelled elsewhere: {sorted(stale)}"
