"""What happens at the demo's site: a camera is registered, footage is recorded, two officers copy some of it.

Everything goes through the client library as a recorder and an access desk would do it; each receipt is verified before
anything is let go. Personal data stays outside the log: the log holds salted commitments, the disclosures lie beside it.
"""

import os
import time
from pathlib import Path
from typing import Any, Final

from custody.client import LedgerClient
from custody.core.digest import FileHasher
from custody.core.disclosure import Disclosure
from custody.core.errors import MalformedError
from custody.core.media.container import read_clip
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.v1 import record_pb2

DAY_US: Final = 86_400_000_000
SUFFIXES: Final = frozenset({".mp4", ".ts", ".mkv", ".avi", ".m4s"})
_OFFICERS: Final = (("Officer A", "010001"), ("Officer B", "010002"))


def streams_of(footage: Path) -> dict[str, list[Path]]:
    """Footage files by stream: the folder's layout is site/camera/file."""
    found: dict[str, list[Path]] = {}
    for path in sorted(footage.rglob("*")):
        if path.is_file() and path.suffix in SUFFIXES and len(path.relative_to(footage).parts) == 3:
            found.setdefault("/".join(path.relative_to(footage).parts[:2]), []).append(path)
    return found


async def record_footage(
    recorder: LedgerClient, custodian: LedgerClient, footage: Path
) -> tuple[int, dict[str, tuple[int, int]]]:
    """The custodian registers site and cameras, the recorder appends one record for each file; returns their number and each stream's period."""
    spans: dict[str, tuple[int, int]] = {}
    count = 0
    for stream, files in streams_of(footage).items():
        begin_us = _now_us() - len(files) * 10_000_000
        await custodian.append(_registrations(stream))
        at_us, batch = begin_us, []
        for number, path in enumerate(files, 1):
            segment, length_us = _segment(footage, stream, path, number)
            batch.append(_record(at_us, segment=segment))
            at_us += length_us
        await recorder.append(batch)
        count += len(batch)
        spans[stream] = (begin_us, at_us)
    return count, spans


def _segment(footage: Path, stream: str, path: Path, number: int) -> tuple[record_pb2.Segment, int]:
    content = path.read_bytes()
    hasher = FileHasher([record_pb2.DIGEST_ALGORITHM_SM3])
    hasher.update(content)
    segment = record_pb2.Segment(
        stream=stream,
        number=number,
        size_bytes=len(content),
        file_sha256=hasher.sha256(),
        digests=hasher.digests(),
        path=path.relative_to(footage).as_posix(),
    )
    length_us = 10_000_000
    try:
        clip = read_clip(lambda at, length: content[at : at + length], len(content))
    except MalformedError:
        segment.media_absence = record_pb2.MEDIA_ABSENCE_DAMAGED
    else:
        segment.container = record_pb2.Container.ValueType(clip.container)
        segment.codec = record_pb2.Codec.ValueType(clip.codec)
        media = clip.media()
        if media is not None:
            segment.media.CopyFrom(media)
        else:
            segment.media_absence = record_pb2.MediaAbsence.ValueType(clip.absence)
        length_us = clip.duration_us or length_us
    segment.duration_us = length_us
    return segment, length_us


def _registrations(stream: str) -> list[record_pb2.Record]:
    now_us = _now_us()
    site = record_pb2.SiteRegistered(
        site=stream.partition("/")[0],
        title="Pedestrian area, demonstration",
        operator="Example Property Management Ltd.",
        operator_kind=record_pb2.OPERATOR_KIND_MANAGER_OF_PREMISES,
        supervising_authority="Example District Public Security Bureau",
        site_class=record_pb2.SITE_CLASS_ROAD_SQUARE,
        profiles=["bj185", "cn799"],
    )
    camera = record_pb2.StreamDescription(
        stream=stream, title="Square, looking north", purpose="public security", public_area=True, sign_posted=True
    )
    policy = record_pb2.RetentionPolicy(
        streams=[stream],
        minimum_us=30 * DAY_US,
        effective_from_us=now_us - DAY_US,
        basis="State Council Order 799 Art. 17",
    )
    return [
        _record(now_us, site_registered=site),
        _record(
            now_us, stream_registered=record_pb2.StreamRegistered(description=camera, in_use_from_us=now_us - DAY_US)
        ),
        _record(now_us, retention_policy=policy),
    ]


async def record_access(client: LedgerClient, spans: dict[str, tuple[int, int]], disclosures: Path) -> bytes:
    """Two officers copy the footage of one camera; returns the record id.

    Their names go into the folder `disclosures` beside the log, not into it.
    """
    stream, (from_us, to_us) = next(iter(spans.items()))

    def commit(name: str, value: str) -> bytes:
        disclosure = Disclosure(salt=os.urandom(16), name=name, value=value)
        (disclosures / disclosure.commitment().hex()).write_bytes(disclosure.encode())
        return disclosure.commitment()

    officers = [
        record_pb2.Person(
            name_commitment=commit("access.officers.name", name),
            work_id_commitment=commit("access.officers.work_id", work_id),
            unit="Example District Public Security Bureau",
        )
        for name, work_id in _OFFICERS
    ]
    access = record_pb2.Access(
        act=record_pb2.ACCESS_ACT_COPY,
        spans=[record_pb2.Span(stream=stream, from_us=from_us, to_us=to_us)],
        purpose=record_pb2.ACCESS_PURPOSE_CRIMINAL_CASE,
        accessor=record_pb2.ACCESSOR_KIND_PUBLIC_SECURITY,
        officers=officers,
        recorded_by=record_pb2.Person(
            name_commitment=commit("access.recorded_by.name", "Desk Clerk"), unit="Example Property Management Ltd."
        ),
        documents=[
            record_pb2.Document(
                kind=record_pb2.DOCUMENT_KIND_CERTIFYING, reference="Demo 2026-1", document_sha256=bytes(range(32))
            )
        ],
        case_number="DEMO-2026-1",
        reason_commitment=commit("access.reason", "theft of a bicycle"),
    )
    record = _record(_now_us(), access=access)
    await client.append([record])
    return record.record_id


def _record(at_us: int, **kind: Any) -> record_pb2.Record:
    clock = record_pb2.ClockQuality(source=record_pb2.CLOCK_SOURCE_NTP, uncertainty_us=20_000)
    record_id = make_record_id(_now_us(), os.urandom(RANDOM_BYTES))
    return record_pb2.Record(record_id=record_id, at_us=at_us, clock=clock, **kind)


def _now_us() -> int:
    return time.time_ns() // 1_000
