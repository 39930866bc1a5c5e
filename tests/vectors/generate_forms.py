"""Writes the vectors of Custody's own forms from fixed data: `python tests/vectors/generate_forms.py [FOLDER]`.

See README.md for the layout and the keys. Expected values are computed here from the definitions of docs/spec, not by the code
under test, wherever that is possible.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.v1 import entry_pb2, record_pb2

HERE = Path(__file__).parent
Vectors = dict[tuple[str, str], bytes]
Headers = list[tuple[str, object]]

RECORD_ID = bytes.fromhex("019ab0c0ffee7000800000000000a001")
AT_US = 1_763_900_000_000_000
SUBMITTER = "urn:custody:recorder:nvr-3"
ORIGIN = "ledger.example/site-12"
CHAIN = "footage/site-12/cam-007"


def vector(expect: str, comment: str, headers: Headers, *payload: bytes) -> bytes:
    lines = [("expect", expect), ("comment", comment), *headers]
    head = "".join(f"{key}: {value}\n" for key, value in lines)
    return (head + "\n" + "".join(f"{value.hex()}\n" for value in payload)).encode()


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def tlv(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def segment(**changes: object) -> record_pb2.Record:
    fields: dict[str, object] = {
        "stream": "site-12/cam-007",
        "number": 8_640,
        "duration_us": 10_000_000,
        "size_bytes": 2_345_678,
        "file_sha256": sha256(b"segment").digest(),
        "media": record_pb2.Media(media_root=sha256(b"media").digest(), units=250),
        "path": "2026/11/23/10-00-00.mp4",
        "container": record_pb2.CONTAINER_FRAGMENTED_MP4,
        "codec": record_pb2.CODEC_H264,
    }
    body = record_pb2.Segment(**(fields | changes))  # type: ignore[arg-type]
    clock = record_pb2.ClockQuality(source=record_pb2.CLOCK_SOURCE_NTP, offset_us=-1_200, uncertainty_us=5_000)
    return record_pb2.Record(record_id=RECORD_ID, at_us=AT_US, clock=clock, segment=body)


def access() -> record_pb2.Record:
    spans = [record_pb2.Span(stream=f"site-12/cam-00{number}", from_us=AT_US - 9, to_us=AT_US - 1) for number in (8, 7)]
    officers = [record_pb2.Person(name_commitment=bytes([at]) * 32, unit="市公安局") for at in (1, 2)]
    body = record_pb2.Access(
        act=record_pb2.ACCESS_ACT_COPY, spans=spans, officers=officers, copies_sha256=[b"\x0c" * 32], duration_us=60
    )
    return record_pb2.Record(record_id=RECORD_ID, at_us=AT_US, access=body)


def record_vectors() -> Vectors:
    found: Vectors = {}
    good = segment().SerializeToString()

    def ok(
        name: str, record: record_pb2.Record, kind: str, chains: list[str], until_us: int, digest: bytes | None
    ) -> None:
        headers: Headers = [("kind", kind), ("record-id", RECORD_ID.hex()), ("from-us", AT_US), ("to-us", until_us)]
        headers += [("chain", chain) for chain in chains]
        headers += [("digest", digest.hex())] if digest else []
        found["record", name] = vector("ok", f"a record of kind {kind}", headers, record.SerializeToString())

    ok("segment", segment(), "segment", [CHAIN], AT_US + 10_000_000, sha256(b"segment").digest())
    two = ["custody/site-12/cam-007", "custody/site-12/cam-008"]
    ok("access", access(), "access", two, AT_US + 60, b"\x0c" * 32)
    shift = record_pb2.WatchShift(site="site-12", people=[record_pb2.Person(unit="x")], duration_us=5)
    shift_record = record_pb2.Record(record_id=RECORD_ID, at_us=AT_US, watch_shift=shift)
    ok("watch-shift", shift_record, "watch_shift", ["site/site-12"], AT_US + 5, None)
    key = record_pb2.KeyRevoked(key_id="nvr-3/2026", from_us=AT_US)
    ok(
        "key",
        record_pb2.Record(record_id=RECORD_ID, at_us=AT_US, key_revoked=key),
        "key_revoked",
        ["log/keys"],
        AT_US,
        None,
    )

    def bad(code: str, name: str, comment: str, raw: bytes) -> None:
        found["record", name] = vector(code, comment, [], raw)

    head = tlv(1, RECORD_ID) + b"\x10" + varint(AT_US)
    body = segment().segment.SerializeToString()
    for name, comment, raw in (
        ("unknown-field", "a field 127 behind the kind", good + b"\xf8\x07\x01"),
        ("unknown-inside", "a field 127 in the segment", head + tlv(10, body + b"\xf8\x07\x01")),
        ("order", "at_us before record_id", b"\x10" + varint(AT_US) + tlv(1, RECORD_ID) + tlv(10, body)),
        ("twice", "record_id and at_us twice", head + head + tlv(10, body)),
        ("pieces", "the segment in two pieces", head + tlv(10, body[:17]) + tlv(10, body[17:])),
        ("two-kinds", "a gap, then a segment", head + tlv(11, tlv(1, tlv(1, b"a/b"))) + tlv(10, body)),
        ("default", "media_absence 0 written out", head + tlv(10, body + b"\x40\x00")),
        ("long-varint", "at_us with a needless byte", tlv(1, RECORD_ID) + b"\x10\xff\x80\x80\x00" + tlv(10, body)),
        ("empty-clock", "a clock that says nothing", head + b"\x1a\x00" + tlv(10, body)),
        ("unpacked", "numbers of a list one by one", head + tlv(17, tlv(1, tlv(1, b"a/b")) + b"\x10\x01\x10\x02")),
    ):
        bad("record-spelling", name, comment, raw)
    for name, comment, raw in (
        ("cut", "the last byte is missing", good[:-1]),
        ("utf-8", "a stream that is not UTF-8", head + tlv(10, tlv(1, b"a/\xff"))),
        ("field-0", "there is no field 0", b"\x00\x00"),
        ("group", "a group without end", head + b"\xfb\x07"),
    ):
        bad("record-malformed", name, comment, raw)
    for code, name, record in (
        ("record-kind", "no-kind", record_pb2.Record(record_id=RECORD_ID, at_us=AT_US)),
        ("record-id", "uuid-version-4", record_pb2.Record(record_id=b"\x40" * 16, at_us=1, segment=segment().segment)),
        ("record-time", "no-time", record_pb2.Record(record_id=RECORD_ID, segment=segment().segment)),
        ("record-time", "negative-length", segment(duration_us=-1)),
        ("record-number", "number-of-64-bits", segment(number=1 << 63)),
        ("record-digest", "short-digest", segment(file_sha256=bytes(31))),
        ("record-enum", "unknown-codec", segment(codec=99)),
        ("record-text", "text-not-nfc", segment(path="e\u0301.mp4")),
        ("record-text", "text-with-override", segment(path="\u202e4pm.mp4")),
        ("record-text", "text-too-long", segment(path="x" * 513)),
        ("name-malformed", "capital-in-stream", segment(stream="site-12/Cam")),
        ("record-field-missing", "no-number", segment(number=0)),
        ("record-oversize", "oversize", segment(path="x" * 60_000)),
    ):
        bad(code, name, name.replace("-", " "), record.SerializeToString())
    return found


def entry(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "record": segment().SerializeToString(),
        "submitter": SUBMITTER,
        "sequenced_at_us": AT_US + 777,
        "links": [entry_pb2.Link(chain=CHAIN, seq=8_640, prev=sha256(b"previous").digest())],
    }
    return entry_pb2.Entry(**(fields | changes)).SerializeToString()  # type: ignore[arg-type]


def link(chain: str, seq: int, prev: bytes = b"") -> entry_pb2.Link:
    return entry_pb2.Link(chain=chain, seq=seq, prev=prev)


def entry_vectors() -> Vectors:
    found: Vectors = {}
    seal = entry_pb2.Seal(key_id="nvr-3/2026", signature=b"\x05" * 64, count=3)
    two = [link("custody/a/b", 1), link("site/a", 2, b"\x02" * 32)]
    for name, raw in (("plain", entry()), ("sealed", entry(seal=seal)), ("two-chains", entry(links=two))):
        message = entry_pb2.Entry.FromString(raw)
        headers: Headers = [("leaf", leaf(raw).hex()), ("submitter", SUBMITTER), ("sequenced-at-us", AT_US + 777)]
        headers += [("link", f"{one.chain} {one.seq} {one.prev.hex() or '-'}") for one in message.links]
        found["entry", name] = vector("ok", "an entry", headers, raw)
    good = entry()
    for code, name, raw in (
        ("entry-malformed", "no-record", entry(record=b"")),
        ("entry-malformed", "cut", good[:-1]),
        ("entry-spelling", "unknown-field", good + b"\x30\x01"),
        ("entry-spelling", "second-record", good + tlv(1, b"x")),
        ("entry-spelling", "time-twice", good + b"\x20\x01"),
        ("entry-time", "no-time", entry(sequenced_at_us=0)),
        ("identity-malformed", "no-submitter", entry(submitter="")),
        ("entry-links", "no-link", entry(links=[])),
        ("entry-links", "links-not-sorted", entry(links=two[::-1])),
        ("entry-links", "link-twice", entry(links=[two[0], two[0]])),
        ("entry-links", "seq-0", entry(links=[link(CHAIN, 0)])),
        ("entry-links", "first-with-predecessor", entry(links=[link(CHAIN, 1, bytes(32))])),
        ("entry-links", "second-without", entry(links=[link(CHAIN, 2)])),
        ("name-malformed", "no-such-chain", entry(links=[link("camera/a/b", 1)])),
        ("seal-malformed", "seal-without-count", entry(seal=entry_pb2.Seal(key_id="k", signature=b"s"))),
        ("key-id-malformed", "empty-seal", entry(seal=entry_pb2.Seal())),
        ("record-oversize", "record-oversize", entry(record=bytes(60_001))),
        ("entry-oversize", "oversize", entry(record=bytes(65_535))),
    ):
        found["entry", name] = vector(code, name.replace("-", " "), [], raw)
    return found


def disclosure_vectors() -> Vectors:
    good = tlv(1, bytes(range(16))) + tlv(2, b"access.officers.name") + tlv(3, "王小明".encode())
    commitment = sha256(good).hexdigest()
    found: Vectors = {}

    def add(name: str, expect: str, raw: bytes, said: Headers | None = None) -> None:
        found["disclosure", name] = vector(
            expect, name.replace("-", " "), [("commitment", commitment), *(said or [])], raw
        )

    add("ok", "ok", good, [("name", "access.officers.name"), ("value", "王小明")])
    add("other-value", "disclosure-mismatch", good[:-9] + "李小明".encode())
    for name, raw in (
        ("short-salt", tlv(1, bytes(15)) + good[18:]),
        ("no-name", good[:18] + good[40:]),
        ("name-with-space", good[:18] + tlv(2, b"access officers") + good[40:]),
        ("no-value", good[:40]),
        ("order", good[18:] + good[:18]),
        ("unknown-field", good + b"\x20\x01"),
        ("oversize", good[:40] + tlv(3, b"x" * 16_384)),
    ):
        add(name, "disclosure-malformed", raw)
    return found


def heads_vectors() -> Vectors:
    heads = [("custody/a/b", 1, b"\x02" * 32), ("log/keys", 7, b"\x03" * 32), ("site/a", 300, b"\x01" * 32)]

    def encode(chain: str, seq: int, leaf_hash: bytes) -> bytes:
        return tlv(1, chain.encode()) + b"\x10" + varint(seq) + tlv(3, leaf_hash)

    raws = [encode(*head) for head in heads]
    found: Vectors = {}
    for name, expect, items in (
        ("three", "ok", raws),
        ("none", "ok", []),
        ("not-sorted", "heads-malformed", raws[::-1]),
        ("twice", "heads-malformed", [raws[0], raws[0]]),
        ("no-number", "heads-malformed", [tlv(1, b"site/a") + tlv(3, bytes(32))]),
        ("short-hash", "heads-malformed", [encode("site/a", 1, bytes(31))]),
        ("unknown-field", "heads-malformed", [raws[0] + b"\x20\x01"]),
        ("no-such-chain", "name-malformed", [encode("site/A", 1, bytes(32))]),
    ):
        headers: Headers = [("root", root([leaf(item) for item in items]).hex())] if expect == "ok" else []
        found["heads", name] = vector(expect, "chain heads, one a line", headers, *items)
    return found


def receipt_vectors() -> Vectors:
    records = [segment(number=number).SerializeToString() for number in (1, 2, 3)]
    prevs = [b"", b"\x01" * 32, b"\x02" * 32]
    stamps = [
        entry_pb2.Stamp(
            submitter=SUBMITTER, sequenced_at_us=AT_US, links=[link(CHAIN, number + 1, prev)]
        ).SerializeToString()
        for number, prev in enumerate(prevs)
    ]
    leaves = [leaf(b"%d" % number) for number in range(7)]
    leaves[2:5] = [leaf(tlv(1, record) + stamp) for record, stamp in zip(records, stamps, strict=True)]
    sides = [root(leaves[:2])], [leaves[5], leaves[6]]
    found: Vectors = {}

    def add(
        name: str,
        expect: str,
        *,
        sent: list[bytes] = records,
        got: list[bytes] = stamps,
        first: int = 2,
        right: list[bytes] = sides[1],
        chain: str = CHAIN,
    ) -> None:
        headers: Headers = [("first", first), ("size", 7), ("root", root(leaves).hex()), ("chain", chain)]
        headers += [("record", record.hex()) for record in sent]
        headers += [("left", value.hex()) for value in sides[0]] + [("right", value.hex()) for value in right]
        found["receipt", name] = vector(expect, "one run; the stamps are below", headers, *got)

    add("ok", "ok")
    add("other-record", "inclusion-failed", sent=[records[0], records[2], records[1]])
    add("moved", "inclusion-failed", first=1)
    add("outside", "receipt-mismatch", first=5)
    add("right-short", "inclusion-failed", right=[leaves[5]])
    add("one-less", "inclusion-failed", got=stamps[:2])
    add("other-chain", "receipt-mismatch", chain="footage/site-12/cam-008")
    add("stamp-with-record", "entry-spelling", got=[tlv(1, b"x") + stamps[0], *stamps[1:]])
    add(
        "stamp-with-seal",
        "entry-spelling",
        got=[tlv(2, tlv(1, b"k") + tlv(2, b"s") + b"\x18\x01") + stamps[0], *stamps[1:]],
    )
    add("stamp-cut", "entry-malformed", got=[stamps[0][:-1], *stamps[1:]])
    return found


def seal_vectors() -> Vectors:
    private = Ed25519PrivateKey.from_private_bytes(b"S" * 32)
    spki = bytes.fromhex("302a300506032b6570032100") + private.public_key().public_bytes_raw()
    records = [b"record %d" % number for number in range(3)]
    found: Vectors = {}

    def add(name: str, expect: str, *, origin: str = ORIGIN, count: int = 3, sealed: list[bytes] = records) -> None:
        text = f"custody/seal/v1\n{ORIGIN}\n3\n".encode() + b64encode(root([leaf(one) for one in records])) + b"\n"
        seal = entry_pb2.Seal(key_id="nvr-3/2026", signature=private.sign(text), count=count)
        headers: Headers = [("algorithm", 1), ("public-key", spki.hex()), ("origin", origin)]
        headers += [("record", record.hex()) for record in sealed]
        found["seal", name] = vector(expect, "an Ed25519 seal over records", headers, seal.SerializeToString())

    add("ok", "ok")
    add("other-origin", "seal-invalid", origin="ledger.example/site-13")
    add("other-order", "seal-invalid", sealed=records[::-1])
    add("other-count", "seal-count", count=2)
    add("no-count", "seal-malformed", count=0)
    add("shorter", "seal-invalid", count=2, sealed=records[:2])
    return found


def vectors() -> Vectors:
    """Every vector; all can be regenerated."""
    found: Vectors = {}
    for part in (record_vectors, entry_vectors, disclosure_vectors, heads_vectors, receipt_vectors, seal_vectors):
        found |= part()
    return found


def write(folder: Path) -> None:
    """Write all vectors below `folder`."""
    for (kind, name), content in vectors().items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / f"{name}.txt").write_bytes(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
