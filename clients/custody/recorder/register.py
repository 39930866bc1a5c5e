"""Decides what each sight means: a new segment, a copy, a move, an alteration, a gap, a disposal.

Every method runs inside one transaction of the state; records are collected and go into the same transaction by
`flush`. No I/O but the state and `exists`.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from custody.core.record import ReadRecord
from custody.recorder.config import Config, Recorder
from custody.recorder.measure import Measured
from custody.recorder.naming import StreamNames
from custody.recorder.place import Place
from custody.recorder.ranges import by_record, segment_ranges
from custody.recorder.records import Footage, Writer
from custody.recorder.state import File, Segment, State, Stream
from custody.recorder.template import Named
from custody.v1 import record_pb2

MAX_DISPOSED_AT_ONCE: Final = 20_000
"""Segments whose disposal is recorded in one transaction."""


class Register:
    """The agent's judgement; mutable, one owner."""

    def __init__(
        self,
        config: Config,
        state: State,
        writer: Writer,
        *,
        exists: Callable[[str], bool] = os.path.exists,
        disposal_kind: Callable[[Segment, str], int],
    ) -> None:
        """`disposal_kind` says of a vanished segment and its recorder's name why it probably went."""
        self._config = config
        self._state = state
        self._writer = writer
        self._names = StreamNames(config.site, config.streams)
        self._exists = exists
        self._disposal_kind = disposal_kind
        self._storages = {storage.name: storage for recorder in config.recorders for storage in recorder.storages}
        self._records: list[ReadRecord] = []
        self._moves: dict[tuple[str, str, str], list[Segment]] = {}

    def flush(self) -> int:
        """Puts the collected records into the state's transaction; returns how many."""
        for (origin, target, folder), segments in self._moves.items():
            for ranges in by_record(segment_ranges(segment.numbered for segment in segments)):
                self._records.append(self._writer.move(ranges, origin, target, folder))
        records, self._records, self._moves = self._records, [], {}
        self._state.add_pending(records)
        return len(records)

    def forget(self) -> None:
        """Drops what was collected for a transaction that failed."""
        self._records, self._moves = [], {}

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Drops what was collected inside when it ends with an exception."""
        kept = len(self._records)
        try:
            yield
        except BaseException:
            del self._records[kept:]
            raise

    def add(self, records: Iterable[ReadRecord]) -> None:
        """Takes records that were made elsewhere into this transaction."""
        self._records.extend(records)

    def stream_of(self, place: Place, named: Named) -> str:
        """Name of the stream of a file. Raises StreamClashError or MalformedError."""
        return self._names.stream(named.camera or place.recorder.name, named.site)

    def stream_named(self, camera: str) -> str:
        """Name of the stream of a camera that a hook speaks of. Raises as `stream_of`."""
        return self._names.stream(camera)

    def ignore(self, place: Place, size_bytes: int, mtime_ns: int) -> None:
        """Remembers a file that is no footage, so that it is not looked at again before it changes."""
        self._state.set_file(
            self._state.folder(place.storage.name, place.folder), place.name, File(None, size_bytes, mtime_ns)
        )

    # ---- a finished file

    def begins(self, place: Place, named: Named, measured: Measured) -> int:
        """When the footage of a measured file begins, microseconds UTC."""
        return _times(place, named, measured)[0]

    def would_gap(self, stream: str, recorder: Recorder, from_us: int) -> bool:
        """True when footage that begins then would have a gap before it."""
        known = self._state.find_stream(stream)
        return known is not None and known.end_us is not None and from_us - known.end_us > recorder.gap_tolerance_us

    def finished(self, place: Place, named: Named, measured: Measured) -> None:
        """A measured file: new, known, changed, or known from elsewhere."""
        folder = self._state.folder(place.storage.name, place.folder)
        known = self._state.file(folder, place.name)
        file = File(known.segment if known else None, measured.size_bytes, measured.mtime_ns)
        if known is not None and known.segment is not None:
            if known == file:
                return
            segment = self._state.segment(known.segment)
            if segment.sha256 == measured.sha256:
                self._state.set_file(folder, place.name, file)
                return
            if not place.recorder.names_reused:
                self._altered(segment, folder, place.name, file)
                return
            # A ring of files: the old footage went when the new was written over it.
            self._lose(segment, folder, place.name)
        stream = self._state.stream(self.stream_of(place, named), place.recorder.name, self._writer.now_us())
        from_us, duration_us = _times(place, named, measured)
        same = self._same_elsewhere(place, stream, measured, from_us if named.start_us is not None else None)
        if same is not None:
            self._found_again(same, place, folder, file)
            return
        if measured.size_bytes == 0:
            self._state.set_file(folder, place.name, file)
            self.gap(stream.name, from_us, from_us + duration_us, record_pb2.GAP_REASON_CORRUPT_SEGMENT)
            return
        self._gap_before(place, stream, from_us)
        self._new(place, stream, folder, measured, (from_us, duration_us))

    def _new(self, place: Place, stream: Stream, folder: int, measured: Measured, span: tuple[int, int]) -> None:
        from_us, duration_us = span
        number = stream.last_number + 1
        to_us = from_us + duration_us
        segment = self._state.add_segment(
            stream, number, measured.sha256, measured.size_bytes, (from_us, to_us), self._writer.now_us()
        )
        self._state.set_file(folder, place.name, File(segment, measured.size_bytes, measured.mtime_ns))
        footage = Footage(
            stream=stream.name, number=number, from_us=from_us, duration_us=duration_us, path=_printable(place.path)
        )
        self._records.append(self._writer.segment(footage, measured))
        if measured.clip.absence == record_pb2.MEDIA_ABSENCE_DAMAGED:
            self.gap(stream.name, from_us, to_us, record_pb2.GAP_REASON_CORRUPT_SEGMENT)

    # ---- footage that is not there

    def gap(self, stream: str, from_us: int, to_us: int, reason: int) -> None:
        """Tells of footage that is missing between two moments, and remembers it for `record check`."""
        self._records.append(self._writer.gap(stream, from_us, to_us, reason))
        self._state.add_gap(stream, from_us, to_us, reason)

    def silent(self, stream: Stream, from_us: int, now_us: int, reason: int) -> None:
        """Tells of footage that should have come and did not, and remembers that this goes on."""
        self._records.append(self._writer.gap(stream.name, from_us, now_us, reason, still=True))
        self._state.open_gap(stream.id, from_us, reason)

    def _gap_before(self, place: Place, stream: Stream, from_us: int) -> None:
        if stream.end_us is None:
            return
        late = from_us - stream.end_us
        begin = stream.open_gap_us if stream.open_gap_us is not None else stream.end_us
        if late > place.recorder.gap_tolerance_us:
            reason = self.reason(stream, begin, from_us, motion_only=place.recorder.motion_only)
            self.gap(stream.name, begin, from_us, reason)
        elif stream.open_gap_us is not None:
            # The gap that was declared open did not come true, or only as far as this segment's begin.
            end = max(begin, from_us)
            self.gap(stream.name, begin, end, self.reason(stream, begin, end + 1, motion_only=False))
        if stream.open_gap_us is not None:
            self._state.close_gap(stream.id)

    def reason(self, stream: Stream, from_us: int, to_us: int, *, motion_only: bool) -> int:
        """Why footage between two moments may be missing, as far as anybody knows."""
        causes = self._state.causes(stream.name, from_us, to_us)
        if causes:
            return causes[0]
        return record_pb2.GAP_REASON_MOTION_ONLY if motion_only else record_pb2.GAP_REASON_UNKNOWN

    def _altered(self, segment: Segment, folder: int, name: str, file: File) -> None:
        self._state.set_file(folder, name, file)
        self._state.set_verified(segment.id, self._writer.now_us(), altered=True)
        ranges = segment_ranges([segment.numbered])
        self._records.append(self._writer.integrity_scan(ranges, files=1, total_bytes=file.size_bytes, altered=ranges))

    # ---- the same bytes elsewhere

    def _same_elsewhere(self, place: Place, stream: Stream, measured: Measured, from_us: int | None) -> Segment | None:
        """The registered segment that this file is, moved or copied.

        A template that tells the time must tell the same time: two equal files of different times (a test picture, a
        looped source) are two segments. Without a time it is a segment whose own file is gone, or one that lies at the
        same path of another storage: ZoneMinder copies an event to its new storage before it removes the old one.
        """
        found = self._state.segments_with(measured.sha256, stream.id, from_us)
        return next((segment for segment in found if from_us is not None or self._may_be(segment, place)), None)

    def _may_be(self, segment: Segment, place: Place) -> bool:
        places = self._state.places(segment.id)
        copied = any(old[0] != place.storage.name and old[1:] == (place.folder, place.name) for old in places)
        return copied or not any(self._exists(self._full(*old)) for old in places)

    def _full(self, storage: str, folder: str, name: str) -> str:
        root = self._storages.get(storage)
        return f"{root.path}/{folder}/{name}" if root is not None else "/nonexistent"

    def _found_again(self, segment: Segment, place: Place, folder: int, file: File) -> None:
        places = self._state.places(segment.id)
        lost = [old for old in places if not self._exists(self._full(*old))]
        for storage, path, name in lost:
            self._state.drop_file(self._state.folder(storage, path), name)
        self._state.set_file(folder, place.name, File(segment.id, file.size_bytes, file.mtime_ns))
        if len(lost) == len(places):  # otherwise it is a copy, and nothing moved yet
            origin = lost[0][0] if lost else segment.gone_from
            self._moves.setdefault((origin, place.storage.name, place.folder), []).append(segment)
            self._state.set_gone(segment.id, None)

    # ---- a file that is not there any more

    def vanished(self, place: Place) -> None:
        """A known path is gone from the disk."""
        folder = self._state.folder(place.storage.name, place.folder)
        known = self._state.file(folder, place.name)
        if known is None:
            return
        if known.segment is None:
            self._state.drop_file(folder, place.name)
            return
        segment = self._state.segment(known.segment)
        announced = self._state.take_announcement(place.storage.name, place.path)
        self._state.drop_file(folder, place.name)
        rest = self._state.places(segment.id)
        if rest:
            target, path, _ = rest[0]
            self._moves.setdefault((place.storage.name, target, path), []).append(segment)
        elif announced is not None:
            self._state.set_gone(segment.id, self._writer.now_us(), place.storage.name)
            self._dispose([segment], announced, record_pb2.DISPOSAL_KNOWLEDGE_ANNOUNCED)
        else:
            self._state.set_gone(segment.id, self._writer.now_us(), place.storage.name)

    def _lose(self, segment: Segment, folder: int, name: str) -> None:
        self._state.drop_file(folder, name)
        if not self._state.places(segment.id):
            self._state.set_gone(segment.id, self._writer.now_us())
            self._dispose([segment], record_pb2.DISPOSAL_KIND_CAPACITY, record_pb2.DISPOSAL_KNOWLEDGE_OBSERVED)

    def dispose_vanished(self, before_us: int) -> int:
        """Records the disposal of every segment that has been gone since before `before_us`; returns how many."""
        gone = self._state.gone_before(before_us, MAX_DISPOSED_AT_ONCE)
        if not gone:
            return 0
        recorders = {stream.name: stream.recorder for stream in self._state.streams()}
        kinds: dict[int, list[Segment]] = {}
        for segment in gone:
            kinds.setdefault(self._disposal_kind(segment, recorders[segment.stream]), []).append(segment)
        for kind, segments in kinds.items():
            self._dispose(segments, kind, record_pb2.DISPOSAL_KNOWLEDGE_OBSERVED)
        return len(gone)

    def _dispose(self, segments: list[Segment], kind: int, knowledge: int) -> None:
        deleted_us = max(segment.gone_us or self._writer.now_us() for segment in segments)
        for ranges in by_record(segment_ranges(segment.numbered for segment in segments)):
            self._records.append(self._writer.disposal(ranges, kind, knowledge, deleted_us))
        self._state.set_disposed(segment.id for segment in segments)


def _times(place: Place, named: Named, measured: Measured) -> tuple[int, int]:
    """Begin and length of a file's footage: from its name, else from its container, else from when it was closed."""
    mtime_us = measured.mtime_ns // 1_000
    duration_us = measured.clip.duration_us
    from_us = named.start_us if named.start_us is not None else measured.clip.start_us
    if from_us is None:
        from_us = mtime_us - (duration_us or place.recorder.segment_us)
    if not duration_us:
        # The file's own life is the better witness of an unreadable file; the configured length only when it has none.
        duration_us = mtime_us - from_us if 0 < mtime_us - from_us < 86_400_000_000 else place.recorder.segment_us
    return max(1, from_us), max(1, duration_us)


def _printable(path: str) -> str:
    """The path as a record may carry it: printable, at most 512 characters, the end kept."""
    if path.isprintable():
        return path[-512:]
    clean = "".join(char if char.isprintable() else "�" for char in path)
    return clean[-512:]
