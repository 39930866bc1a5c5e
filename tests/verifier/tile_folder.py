"""A log in tiles in a folder, made from the forms alone, with whatever a forger likes in it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from custody.core.bundle import encode_bundle
from custody.core.chain import START, Head
from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.entry import Link, encode_entry
from custody.core.hashing import leaf_hash
from custody.core.note import SignatureType, SignerKey
from custody.core.record import encode_record, read_record
from custody.core.tile import entries_path, extend_tiles, tile_path
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.v1 import record_pb2

ORIGIN = "example.org/tiles"
KEY = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes([3]) * 32)
NOON_US = 1_767_225_600_000_000


def record_id(number: int) -> bytes:
    raw = bytearray(number.to_bytes(6, "big") + sha256(b"id%d" % number).digest()[:10])
    raw[6], raw[8] = 0x70 | raw[6] & 15, 0x80 | raw[8] & 63
    return bytes(raw)


def segment(number: int, identity: int | None = None) -> bytes:
    """The segment of that number; `identity` makes its record id."""
    body = record_pb2.Segment(
        stream="site/cam",
        number=number,
        duration_us=1_000_000,
        size_bytes=1,
        file_sha256=sha256(b"%d" % number).digest(),
    )
    name = record_id(number if identity is None else identity)
    return encode_record(record_pb2.Record(record_id=name, at_us=NOON_US + number * 1_000_000, segment=body))


def entries_of(records: Sequence[bytes]) -> list[bytes]:
    """Stamped and linked as a ledger would."""
    heads: dict[str, Head] = {}
    entries = []
    for index, raw in enumerate(records):
        links = []
        for chain in read_record(raw).chains:
            head = heads.get(chain, START)
            links.append(Link(chain, head.seq + 1, head.leaf))
        stamp_us = NOON_US + (index + 100) * 1_000_000
        entries.append(encode_entry(raw, None, "urn:custody:recorder:nvr", stamp_us, links))
        heads |= {link.chain: Head(link.seq, leaf_hash(entries[-1])) for link in links}
    return entries


def write_tiles(folder: Path, entries: Sequence[bytes]) -> Path:
    """Tiles, bundles and a checkpoint that the log's key signed."""
    extension = extend(EMPTY_FRONTIER, [leaf_hash(entry) for entry in entries])
    for (level, index), content in extend_tiles({}, extension).items():
        width = len(content) // 32
        _write(folder / tile_path(level, index, width), content)
        if level == 0:
            _write(folder / entries_path(index, width), encode_bundle(entries[256 * index : 256 * index + width]))
    checkpoint = Checkpoint(origin=ORIGIN, size=len(entries), root=extension.root)
    _write(folder / "checkpoint", sign_checkpoint(checkpoint, [KEY]).note.encode())
    return folder


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
