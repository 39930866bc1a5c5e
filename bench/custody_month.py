"""A month of custody of 100 cameras: registrations, segments, gaps, accesses, holds and disposals, as commits of a ledger.

Every camera records segments of 264 seconds, is out of order once a day, mostly for a declared reason and once a week
without one, is looked at once a day (officers with their documents, or the operator's own staff), and deletes daily what
is older than its retention. So a million entries are a month.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from typing import Any

from bench.footage_commits import START_US
from custody.core.entry import sealed_record
from custody.core.hashing import EMPTY_ROOT
from custody.core.record import encode_record, read_record
from custody.core.tree import EMPTY_FRONTIER
from custody.server.batch import Admitted
from custody.server.stamping import LogMemory, Stamper
from custody.server.store.protocol import Commit, LogHead
from custody.v1 import record_pb2 as pb

CAMERAS = 100
SITES = 10
SECOND_US = 1_000_000
SEGMENT_US = 264 * SECOND_US
DAY_US = 86_400 * SECOND_US
DAY_SEGMENTS = DAY_US // SEGMENT_US
RETENTION_DAYS = 20
"""Shorter than the law's 30 days, so that deletion begins within the month and the rules have something to mind."""


def custody_commits(entries: int, batch: int = 1_000) -> Iterator[Commit]:
    """Commits of `batch` entries each, `entries` in all, rounded down."""
    told = _events()
    memory = LogMemory(LogHead(0, EMPTY_ROOT, 0), EMPTY_FRONTIER, {}, {}, 0)
    draw = random.Random(3)
    for _ in range(entries // batch):
        items = list(islice(told, batch))
        now_us = max(memory.sequenced_us, items[-1][0]) + SECOND_US
        stamper = Stamper(memory, now_us)
        stamper.add("urn:custody:recorder:nvr-1", [_admit(draw, at_us, kind) for _, at_us, kind in items])
        done = stamper.finish()
        yield done.commit
        memory = LogMemory(
            LogHead(done.commit.size, done.commit.root, 0), done.extension.frontier, done.edge, {**memory.heads, **done.heads}, now_us
        )  # fmt: skip


def _admit(draw: random.Random, at_us: int, kind: dict[str, Any]) -> Admitted:
    record_id = bytearray((at_us // 1000).to_bytes(6, "big") + draw.randbytes(10))
    record_id[6], record_id[8] = 0x70 | record_id[6] & 0x0F, 0x80 | record_id[8] & 0x3F
    raw = encode_record(pb.Record(record_id=bytes(record_id), at_us=at_us, **kind))
    return Admitted(read_record(raw), sealed_record(raw))


Event = tuple[int, int, dict[str, Any]]
"""When it is told, when it happened, what."""


def _streams() -> list[str]:
    return [f"site-{camera // (CAMERAS // SITES)}/cam-{camera:03}" for camera in range(CAMERAS)]


def _events() -> Iterator[Event]:
    draw = random.Random(2)
    streams = _streams()
    yield from _beginning(streams)
    numbers = dict.fromkeys(streams, 0)
    tick = 0
    while True:
        begin_us = START_US + tick * SEGMENT_US
        end_us = begin_us + SEGMENT_US
        day, place = divmod(tick, DAY_SEGMENTS)
        if place == 0:
            yield from _watches(streams, begin_us)
        for camera, stream in enumerate(streams):
            if place == (camera * 3) % DAY_SEGMENTS:  # an hour of the day at which this camera is out of order
                span = pb.Span(stream=stream, from_us=begin_us, to_us=end_us)
                if day % 7 != camera % 7:
                    yield end_us, end_us, {"gap": pb.Gap(span=span, reason=pb.GAP_REASON_MAINTENANCE)}
                continue
            numbers[stream] += 1
            yield end_us, begin_us, {"segment": _segment(draw, stream, numbers[stream])}
            if place == 5 and day >= RETENTION_DAYS:
                yield end_us, end_us, {"disposal": _disposal(stream, day)}
            if draw.random() < 1 / DAY_SEGMENTS:
                yield end_us, end_us, {"access": _access(draw, stream, begin_us, end_us)}
        tick += 1


def _segment(draw: random.Random, stream: str, number: int) -> pb.Segment:
    return pb.Segment(
        stream=stream,
        number=number,
        duration_us=SEGMENT_US,
        size_bytes=draw.randrange(40_000_000, 160_000_000),
        file_sha256=draw.randbytes(32),
        media_absence=pb.MEDIA_ABSENCE_SWITCHED_OFF,
        path=f"{stream}/{number:08d}.mp4",
    )


def _disposal(stream: str, day: int) -> pb.Disposal:
    first = (day - RETENTION_DAYS) * (DAY_SEGMENTS - 1) + 1
    begin_us = START_US + (day - RETENTION_DAYS) * DAY_US
    run = pb.SegmentRange(
        stream=stream, first=first, last=first + DAY_SEGMENTS - 2, from_us=begin_us, to_us=begin_us + DAY_US
    )
    return pb.Disposal(
        ranges=[run], kind=pb.DISPOSAL_KIND_PLANNED, knowledge=pb.DISPOSAL_KNOWLEDGE_ANNOUNCED, by=_person("keeper")
    )


def _access(draw: random.Random, stream: str, begin_us: int, end_us: int) -> pb.Access:
    officers = draw.random() < 0.2
    people = [_person(f"officer-{draw.randrange(50)}") for _ in range(draw.choice((1, 2, 2, 2)))]
    documents = [_document(kind, draw) for kind in (pb.DOCUMENT_KIND_CERTIFYING, pb.DOCUMENT_KIND_REGISTER_FORM)]
    return pb.Access(
        act=pb.ACCESS_ACT_COPY if officers else pb.ACCESS_ACT_VIEW,
        spans=[pb.Span(stream=stream, from_us=begin_us, to_us=end_us)],
        purpose=pb.ACCESS_PURPOSE_CRIMINAL_CASE if officers else pb.ACCESS_PURPOSE_OPERATION,
        accessor=pb.ACCESSOR_KIND_PUBLIC_SECURITY if officers else pb.ACCESSOR_KIND_OPERATOR_STAFF,
        officers=people if officers else people[:1],
        recorded_by=_person("registrar"),
        documents=[*documents, _document(pb.DOCUMENT_KIND_APPROVAL, draw)] if officers else [],
        case_number="C-1" if officers else "",
        reason_commitment=draw.randbytes(32),
        duration_us=600 * SECOND_US,
    )


def _person(name: str) -> pb.Person:
    return pb.Person(
        name_commitment=sha256(name.encode()).digest(),
        work_id_commitment=sha256(b"id" + name.encode()).digest(),
        unit="Unit",
    )


def _document(kind: pb.DocumentKind, draw: random.Random) -> pb.Document:
    return pb.Document(kind=kind, reference=f"R-{draw.randrange(10_000)}", document_sha256=draw.randbytes(32))


def _watches(streams: list[str], at_us: int) -> Iterator[Event]:
    """The watch of a day at every site; one that lasts longer counts for a day only."""
    sites = [stream.partition("/")[0] for stream in streams]
    for site in dict.fromkeys(sites):
        watched = sites.count(site)
        shift = pb.WatchShift(site=site, people=[_person("guard")], duration_us=DAY_US, streams_watched=watched)
        yield at_us, at_us, {"watch_shift": shift}


def _beginning(streams: list[str]) -> Iterator[Event]:
    for site in dict.fromkeys(stream.partition("/")[0] for stream in streams):
        mine = [stream for stream in streams if stream.startswith(f"{site}/")]
        registered = pb.SiteRegistered(
            site=site, title=site, operator="Operator Ltd", operator_kind=pb.OPERATOR_KIND_UNIT,
            supervising_authority="District bureau", site_class=pb.SITE_CLASS_TRANSPORT, profiles=["bj185", "cn799"],
        )  # fmt: skip
        yield START_US, START_US, {"site_registered": registered}
        filing = pb.Filing(
            site=site, filing_number=f"F-{site}", act=pb.FILING_ACT_FILED, accepted_us=START_US, first_use_us=START_US,
            retention_us=30 * DAY_US, streams=mine,
        )  # fmt: skip
        yield START_US, START_US, {"filing": filing}
    for stream in streams:
        description = pb.StreamDescription(
            stream=stream, title=stream, position="A-1", angle="east", purpose="security", public_area=True,
            sign_posted=True, classification="2",
        )  # fmt: skip
        yield (
            START_US,
            START_US,
            {"stream_registered": pb.StreamRegistered(description=description, in_use_from_us=START_US)},
        )
        policy = pb.RetentionPolicy(
            streams=[stream],
            minimum_us=30 * DAY_US,
            maximum_us=90 * DAY_US,
            effective_from_us=START_US,
            basis="D185-13(3)",
        )
        yield START_US, START_US, {"retention_policy": policy}
    span = pb.Span(stream=streams[0], from_us=START_US, to_us=START_US + DAY_US)
    held = pb.HoldPlaced(hold_id="H-1", case_number="C-1", spans=[span], authority="District bureau")
    yield START_US, START_US + DAY_US, {"hold_placed": held}
