"""Commits of a ledger that records footage, made ahead of a measurement: real records, real stamps, a real tree."""

from __future__ import annotations

import random
from collections.abc import Iterator

from custody.core.entry import sealed_record
from custody.core.hashing import EMPTY_ROOT
from custody.core.record import encode_record, read_record
from custody.core.tree import EMPTY_FRONTIER
from custody.server.batch import Admitted
from custody.server.stamping import LogMemory, Stamper
from custody.server.store.protocol import Commit, LogHead
from custody.v1 import record_pb2

START_US = 1_767_225_600_000_000
SEGMENT_US = 10_000_000


def segment(draw: random.Random, at_us: int, stream: str, number: int) -> Admitted:
    """A segment as the ledger admits it."""
    record = segment_record(draw, _record_id(draw, at_us), at_us, stream, f"{stream}/{number:08d}.mp4", number)
    raw = encode_record(record)
    return Admitted(read_record(raw), sealed_record(raw))


def segment_record(
    draw: random.Random, record_id: bytes, at_us: int, stream: str, path: str, number: int
) -> record_pb2.Record:
    """A segment of 10 seconds as a plain recorder submits it: about 150 bytes."""
    return record_pb2.Record(
        record_id=record_id,
        at_us=at_us,
        clock=record_pb2.ClockQuality(
            source=record_pb2.CLOCK_SOURCE_NTP, offset_us=draw.randrange(-3_000, 3_000), uncertainty_us=5_000
        ),
        segment=record_pb2.Segment(
            stream=stream,
            number=number,
            duration_us=SEGMENT_US,
            size_bytes=draw.randrange(2_000_000, 6_000_000),
            file_sha256=draw.randbytes(32),
            media_absence=record_pb2.MEDIA_ABSENCE_SWITCHED_OFF,
            path=path,
        ),
    )


def _record_id(draw: random.Random, at_us: int) -> bytes:
    record_id = bytearray((at_us // 1000).to_bytes(6, "big") + draw.randbytes(10))
    record_id[6] = 0x70 | record_id[6] & 0x0F
    record_id[8] = 0x80 | record_id[8] & 0x3F
    return bytes(record_id)


def _registration(draw: random.Random, recorder: int) -> Admitted:
    """What an administrator tells of a recorder before it may speak for its site."""
    record = record_pb2.Record(
        record_id=_record_id(draw, START_US),
        at_us=START_US,
        key_registered=record_pb2.KeyRegistered(
            key_id=f"recorder-{recorder}",
            use=record_pb2.KEY_USE_IDENTITY,
            algorithm=record_pb2.KEY_ALGORITHM_ED25519,
            public_key=b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00" + draw.randbytes(32),
            holder=f"urn:custody:recorder:recorder-{recorder}",
            scopes=[f"site-{recorder}/*"],
            valid_from_us=START_US,
        ),
    )
    raw = encode_record(record)
    return Admitted(read_record(raw), sealed_record(raw))


def footage_commits(
    count: int, batch: int, *, recorders: int = 25, cameras: int = 8, seed: int = 1, registered: bool = False
) -> Iterator[Commit]:
    """`count` commits of `batch` entries each. Every recorder sends the finished segments of its cameras together.

    `registered`: one more commit comes first, in which an administrator registers every recorder and its site.
    """
    draw = random.Random(seed)
    memory = LogMemory(LogHead(0, EMPTY_ROOT, 0), EMPTY_FRONTIER, {}, {}, 0)
    segments = _segments(draw, recorders, cameras)
    now_us = START_US + 3 * SEGMENT_US  # a segment is sequenced after it ended
    if registered:
        stamper = Stamper(memory, now_us)
        stamper.add("urn:custody:administrator:bench", [_registration(draw, recorder) for recorder in range(recorders)])
        done = stamper.finish()
        yield done.commit
        memory = LogMemory(
            LogHead(done.commit.size, done.commit.root, 0), done.extension.frontier, done.edge, dict(done.heads), now_us
        )
    for _ in range(count):
        now_us += SEGMENT_US * batch // (recorders * cameras)
        stamper = Stamper(memory, now_us)
        items: list[Admitted] = []
        recorder = -1
        for _ in range(batch):
            sender, item = next(segments)
            if items and sender != recorder:
                stamper.add(f"urn:custody:recorder:recorder-{recorder}", items)
                items = []
            recorder = sender
            items.append(item)
        stamper.add(f"urn:custody:recorder:recorder-{recorder}", items)
        done = stamper.finish()
        yield done.commit
        memory = LogMemory(
            LogHead(done.commit.size, done.commit.root, 0), done.extension.frontier, done.edge, {**memory.heads, **done.heads}, now_us
        )  # fmt: skip


def _segments(draw: random.Random, recorders: int, cameras: int) -> Iterator[tuple[int, Admitted]]:
    number = 0
    offsets = [draw.randrange(1_000_000) for _ in range(recorders * cameras)]
    while True:
        number += 1
        for recorder in range(recorders):
            for camera in range(cameras):
                at_us = START_US + number * SEGMENT_US + offsets[recorder * cameras + camera]
                yield recorder, segment(draw, at_us, f"site-{recorder}/camera-{camera}", number)
