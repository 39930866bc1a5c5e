"""An mp4 file, ordinary or fragmented, as a clip."""

import struct
from collections.abc import Iterator
from typing import Final

from custody.core.errors import MalformedError
from custody.core.media import sample_table
from custody.core.media.boxes import Box, load, top_boxes, unpack
from custody.core.media.clip import Clip
from custody.core.media.fragments import Defaults, Fragments, read_defaults
from custody.core.media.reading import Source
from custody.core.media.runs import Run, read_samples
from custody.core.media.track import Track, read_creation, read_track
from custody.core.media.units import Units
from custody.v1 import record_pb2

_PRFT: Final = struct.Struct(">II")
_NTP_EPOCH_S: Final = 2_208_988_800


def read_mp4(source: Source, init: bytes) -> Clip:
    """Reads an mp4 file; see `read_clip`."""
    boxes = list(top_boxes(source))
    fragmented = any(box.kind == b"moof" for box in boxes)
    container = record_pb2.CONTAINER_FRAGMENTED_MP4 if fragmented else record_pb2.CONTAINER_MP4
    moov = _movie(source, boxes, init)
    if moov is None:
        if not fragmented:
            raise MalformedError("an mp4 file without its index; it was not finished", code="media-unfinished")
        return Clip(container=container, absence=record_pb2.MEDIA_ABSENCE_CONTAINER)
    start_us = _reference_time(source, boxes)
    if start_us is None:
        start_us = read_creation(moov)
    track = read_track(moov)
    if track is None:
        return Clip(container=container, absence=record_pb2.MEDIA_ABSENCE_CODEC, start_us=start_us)
    fragments = Fragments(track.number, read_defaults(moov, track.number) or Defaults())
    units = _read_units(source, boxes, track, fragments)
    duration = sample_table.read_duration(track.table) + fragments.duration
    return Clip(
        container=container,
        codec=track.codec,
        absence=_absence(track, units),
        unit_digests=units.digests if units else (),
        keys=units.keys if units else (),
        pictures=units.pictures if units else 0,
        duration_us=duration * 1_000_000 // track.timescale,
        start_us=start_us,
    )


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


def _read_units(source: Source, boxes: list[Box], track: Track, fragments: Fragments) -> Units | None:
    units = Units(track.codec) if track.length_bytes else None
    runs = _runs(source, boxes, track, fragments)
    if units is None:
        for _ in runs:  # the fragments' durations are still wanted
            pass
        return None
    for sample in read_samples(source, runs):
        units.add_sample(sample, track.length_bytes)
    return units


def _runs(source: Source, boxes: list[Box], track: Track, fragments: Fragments) -> Iterator[Run]:
    yield from sample_table.read_runs(track.table)
    for box in boxes:
        if box.kind == b"moof":
            yield from fragments.read(box, load(source, box))


def _absence(track: Track, units: Units | None) -> int:
    if units is not None and units.digests:
        return record_pb2.MEDIA_ABSENCE_UNSPECIFIED
    return record_pb2.MEDIA_ABSENCE_ENCRYPTED if track.encrypted else record_pb2.MEDIA_ABSENCE_CODEC
