"""Records for tests: segments of a few cameras, each with an id of its own."""

from __future__ import annotations

from hashlib import sha256

from custody.v1 import record_pb2

EPOCH_MS = 1_700_000_000_000


def record_id(number: int) -> bytes:
    """A UUIDv7 of 16 bytes."""
    return (EPOCH_MS + number).to_bytes(6, "big") + b"\x70\x01\x80" + number.to_bytes(7, "big")


def segment(number: int, *, camera: str = "cam-1") -> record_pb2.Record:
    at_us = EPOCH_MS * 1000 + number * 10_000_000
    record = record_pb2.Record(record_id=record_id(number), at_us=at_us)
    record.segment.stream = f"site-1/{camera}"
    record.segment.number = number + 1
    record.segment.duration_us = 10_000_000
    record.segment.size_bytes = 1_000_000 + number
    record.segment.file_sha256 = sha256(number.to_bytes(8, "big")).digest()
    return record


def raw_segment(number: int, *, camera: str = "cam-1") -> bytes:
    return segment(number, camera=camera).SerializeToString()


def access(number: int, *cameras: str) -> bytes:
    """One access to several cameras: an entry with several links."""
    record = record_pb2.Record(record_id=record_id(number), at_us=EPOCH_MS * 1000 + number)
    record.access.act = record_pb2.ACCESS_ACT_CONSULT
    for camera in cameras:
        record.access.spans.add(stream=f"site-1/{camera}", from_us=1, to_us=2)
    return record.SerializeToString()
