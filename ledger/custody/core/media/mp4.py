"""An mp4 file, ordinary or fragmented, as a clip."""

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from custody.core.errors import MalformedError
from custody.core.media import sample_table
from custody.core.media.boxes import Box, Boxes, load, top_boxes, unpack
from custody.core.media.clip import Clip
from custody.core.media.fragments import NO_DEFAULTS, Fragments, read_defaults
from custody.core.media.reading import Source
from custody.core.media.runs import Run, read_samples
from custody.core.media.track import Track, read_creation, read_track
from custody.core.media.units import Found, Units
from custody.v1 import record_pb2

_PRFT: Final = struct.Struct(">II")
_NTP_EPOCH_S: Final = 2_208_988_800


class Movie(NamedTuple):
    """What the index of an mp4 file says of its first video track."""

    container: int
    """record_pb2.CONTAINER_*."""
    start_us: int | None
    track: Track
    source: Source
    boxes: Sequence[Box]
    fragments: Fragments

    def runs(self) -> Iterator[Run]:
        """Where the track's samples lie, in decoding order; to be gone through once, to the end.

        Raises MalformedError.
        """
        yield from sample_table.read_runs(self.track.table)
        for box in self.boxes:
            if box.kind == b"moof":
                yield from self.fragments.read(box, load(self.source, box))

    def clip(self, units: Found | None) -> Clip:
        """The clip of `units`, None when the codec has none; after `runs`, for the fragments' durations come with them."""
        duration = sample_table.read_duration(self.track.table) + self.fragments.duration
        return Clip(
            container=self.container,
            codec=self.track.codec,
            absence=self._absence(units),
            unit_digests=units.digests if units else (),
            keys=units.keys if units else (),
            pictures=units.pictures if units else 0,
            duration_us=duration * 1_000_000 // self.track.timescale,
            start_us=self.start_us,
        )

    def _absence(self, units: Found | None) -> int:
        if units is not None and units.digests:
            return record_pb2.MEDIA_ABSENCE_UNSPECIFIED
        return record_pb2.MEDIA_ABSENCE_ENCRYPTED if self.track.encrypted else record_pb2.MEDIA_ABSENCE_CODEC


def open_mp4(source: Source, init: bytes) -> Movie | Clip:
    """Reads the index of an mp4 file; a clip where it has no video track or no index of its own. Raises MalformedError."""
    boxes = list(top_boxes(source))
    fragmented = any(box.kind == b"moof" for box in boxes)
    container = record_pb2.CONTAINER_FRAGMENTED_MP4 if fragmented else record_pb2.CONTAINER_MP4
    moov = _movie(source, boxes, init)
    if moov is None:
        if not fragmented:
            raise MalformedError("an mp4 file without its index; it was not finished", code="media-unfinished")
        return Clip(container=container, absence=record_pb2.MEDIA_ABSENCE_CONTAINER)
    inner = Boxes(moov)
    start_us = _reference_time(source, boxes)
    if start_us is None:
        start_us = read_creation(inner)
    track = read_track(moov)
    if track is None:
        return Clip(container=container, absence=record_pb2.MEDIA_ABSENCE_CODEC, start_us=start_us)
    fragments = Fragments(track.number, read_defaults(inner, track.number) or NO_DEFAULTS)
    return Movie(container=container, start_us=start_us, track=track, source=source, boxes=boxes, fragments=fragments)


def read_mp4(source: Source, init: bytes) -> Clip:
    """Reads an mp4 file; see `read_clip`."""
    movie = open_mp4(source, init)
    if isinstance(movie, Clip):
        return movie
    runs = movie.runs()
    if not movie.track.length_bytes:
        for _ in runs:  # the fragments' durations are still wanted
            pass
        return movie.clip(None)
    units = Units(movie.track.codec)
    for sample in read_samples(source, runs):
        units.add_sample(sample, movie.track.length_bytes)
    return movie.clip(units)


def _movie(source: Source, boxes: list[Box], init: bytes) -> memoryview | None:
    for box in boxes:
        if box.kind == b"moov":
            return load(source, box)
    if not init:
        return None
    head = Source(read=lambda offset, length: init[offset : offset + length], size_bytes=len(init))
    for box in top_boxes(head):
        if box.kind == b"moov":
            return load(head, box)
    return None


def _reference_time(source: Source, boxes: list[Box]) -> int | None:
    """Time of the first picture from a producer reference time box (`prft`, section 8.16.5)."""
    for box in boxes:
        if box.kind == b"prft":
            seconds, fraction = unpack(_PRFT, load(source, box), 8)
            if seconds > _NTP_EPOCH_S:
                return (seconds - _NTP_EPOCH_S) * 1_000_000 + (fraction * 1_000_000 >> 32)
    return None
