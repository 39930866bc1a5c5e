"""The records that an agent writes: plain functions from facts to records, read back as the ledger will read them.

A record's bytes, its id among them, are made once and stored before anybody sees them; a restart sends the same bytes.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from custody.core.record import ReadRecord, read_record
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.recorder.measure import Measured
from custody.v1 import record_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """Where and when a measured file belongs."""

    stream: str
    number: int
    from_us: int
    duration_us: int
    path: str


@dataclass(slots=True, kw_only=True)
class Writer:
    """Makes records at the time of `now_us`, with the quality of the clock that says so."""

    now_us: Callable[[], int]
    quality: Callable[[], record_pb2.ClockQuality]
    random: Callable[[int], bytes] = field(default=os.urandom)

    def write(self, kind: str, message: Any, at_us: int | None = None) -> ReadRecord:
        """Makes one record; `at_us` is now unless the kind says otherwise. Raises MalformedError."""
        now = self.now_us()
        record = record_pb2.Record(
            record_id=make_record_id(now, self.random(RANDOM_BYTES)),
            at_us=now if at_us is None else at_us,
            clock=self.quality(),
        )
        getattr(record, kind).CopyFrom(message)
        return read_record(record.SerializeToString())

    def segment(self, footage: Footage, measured: Measured) -> ReadRecord:
        """A finished file."""
        clip = measured.clip
        message = record_pb2.Segment(
            stream=footage.stream,
            number=footage.number,
            duration_us=footage.duration_us,
            size_bytes=measured.size_bytes,
            file_sha256=measured.sha256,
            digests=measured.digests,
            media=measured.media,
            media_absence=record_pb2.MediaAbsence.ValueType(clip.absence),
            chunk_root=measured.chunk_root,
            path=footage.path,
            container=record_pb2.Container.ValueType(clip.container),
            codec=record_pb2.Codec.ValueType(clip.codec),
        )
        return self.write("segment", message, footage.from_us)

    def gap(self, stream: str, from_us: int, to_us: int, reason: int, *, still: bool = False) -> ReadRecord:
        """Footage that is not there; `still` when the cause goes on."""
        span = record_pb2.Span(stream=stream, from_us=from_us, to_us=to_us)
        message = record_pb2.Gap(span=span, reason=record_pb2.GapReason.ValueType(reason), open=still)
        return self.write("gap", message)

    def heartbeat(self, stream: str, last_segment: int, interval_us: int, backlog: int) -> ReadRecord:
        """The stream is being looked after."""
        message = record_pb2.Heartbeat(
            stream=stream, last_segment=last_segment, interval_us=interval_us, backlog=backlog
        )
        return self.write("heartbeat", message)

    def fault(self, stream: str, kind: int, state: int) -> ReadRecord:
        """Something broke or was mended."""
        message = record_pb2.Fault(
            stream=stream, kind=record_pb2.FaultKind.ValueType(kind), state=record_pb2.FaultState.ValueType(state)
        )
        return self.write("fault", message)

    def disposal(
        self, ranges: Iterable[record_pb2.SegmentRange], kind: int, knowledge: int, deleted_us: int
    ) -> ReadRecord:
        """Footage is gone."""
        message = record_pb2.Disposal(
            ranges=ranges,
            kind=record_pb2.DisposalKind.ValueType(kind),
            knowledge=record_pb2.DisposalKnowledge.ValueType(knowledge),
            deleted_us=deleted_us,
        )
        return self.write("disposal", message)

    def move(
        self, ranges: Iterable[record_pb2.SegmentRange], from_storage: str, to_storage: str, to_path: str
    ) -> ReadRecord:
        """Footage lies elsewhere now."""
        message = record_pb2.Move(ranges=ranges, from_storage=from_storage, to_storage=to_storage, to_path=to_path)
        return self.write("move", message)

    def integrity_scan(
        self,
        ranges: Sequence[record_pb2.SegmentRange],
        *,
        files: int,
        total_bytes: int,
        altered: Sequence[record_pb2.SegmentRange] = (),
    ) -> ReadRecord:
        """Stored footage was hashed again."""
        message = record_pb2.IntegrityScan(ranges=ranges, files=files, total_bytes=total_bytes, altered=altered)
        return self.write("integrity_scan", message)
