"""The video track of an mp4 file: what it is coded with and how its NAL units are framed.

ISO/IEC 14496-12 section 8 (`trak`), ISO/IEC 14496-15 sections 5.3 and 8.3 (`avcC`, `hvcC`).
"""

import struct
from typing import Final, NamedTuple

from custody.core.errors import MalformedError
from custody.core.media.boxes import Boxes, inner_boxes, unpack
from custody.v1 import record_pb2

_U32: Final = struct.Struct(">I")
_HEAD_V0: Final = struct.Struct(">4xI4xI")  # creation, timescale or track id
_HEAD_V1: Final = struct.Struct(">4xQ8xI")
_SAMPLE_ENTRY_BYTES: Final = 78  # VisualSampleEntry without its box header, section 12.1.3.2
_EPOCH_1904_S: Final = 2_082_844_800

_CODECS: Final = {
    b"avc1": record_pb2.CODEC_H264,
    b"avc3": record_pb2.CODEC_H264,
    b"hvc1": record_pb2.CODEC_H265,
    b"hev1": record_pb2.CODEC_H265,
    b"mp4v": record_pb2.CODEC_MPEG4,
    b"av01": record_pb2.CODEC_AV1,
    b"jpeg": record_pb2.CODEC_MJPEG,
    b"mjpa": record_pb2.CODEC_MJPEG,
    b"mjpb": record_pb2.CODEC_MJPEG,
}
_CONFIGURATION: Final = {record_pb2.CODEC_H264: (b"avcC", 4), record_pb2.CODEC_H265: (b"hvcC", 21)}
"""Name of the decoder configuration box, and the byte in it whose low two bits are the length size minus one."""


class Track(NamedTuple):
    """The first video track of a file."""

    number: int
    codec: int
    encrypted: bool
    timescale: int
    """Units per second of the track's durations."""
    length_bytes: int
    """Bytes of the length before each NAL unit; 0 when the codec has none."""
    table: Boxes
    """What is in its `stbl` box."""


def read_track(movie: memoryview) -> Track | None:
    """The first video track, or None when the file has none. Raises MalformedError."""
    for kind, trak in inner_boxes(movie):
        if kind != b"trak":
            continue
        boxes = Boxes(trak)
        media = Boxes(boxes.need(b"mdia"))
        if bytes(media.need(b"hdlr")[8:12]) == b"vide":
            return _read_video(boxes, media)
    return None


def read_creation(moov: Boxes) -> int | None:
    """Creation time of the movie in microseconds since 1970, or None when it is not stated (`mvhd`, section 8.2.2)."""
    creation, _ = _read_head(moov.need(b"mvhd"))
    seconds = creation - _EPOCH_1904_S
    return seconds * 1_000_000 if 0 < seconds < 1 << 33 else None


def _read_head(box: memoryview) -> tuple[int, int]:
    if not box:
        raise MalformedError("an empty header box", code="media-box")
    first, second = unpack(_HEAD_V1 if box[0] == 1 else _HEAD_V0, box)
    return first, second


def _read_video(trak: Boxes, media: Boxes) -> Track:
    _, timescale = _read_head(media.need(b"mdhd"))
    if not timescale:
        raise MalformedError("a track has no timescale", code="media-box")
    # In tkhd (section 8.3.2) the track id stands right behind the two times.
    tkhd = trak.need(b"tkhd")
    (number,) = unpack(_U32, tkhd, 20 if tkhd and tkhd[0] == 1 else 12)
    table = Boxes(Boxes(media.need(b"minf")).need(b"stbl"))
    codec, encrypted, length_bytes = _read_description(table.need(b"stsd"))
    return Track(
        number=number, codec=codec, encrypted=encrypted, timescale=timescale, length_bytes=length_bytes, table=table
    )


def _read_description(stsd: memoryview) -> tuple[int, bool, int]:
    entries = {_read_entry(kind, entry) for kind, entry in inner_boxes(stsd[8:])}
    if len(entries) != 1:
        raise MalformedError("the track changes its codec, or describes none", code="media-description")
    return entries.pop()


def _read_entry(kind: bytes, entry: memoryview) -> tuple[int, bool, int]:
    if kind == b"encv":
        return record_pb2.CODEC_OTHER, True, 0
    codec = _CODECS.get(kind, record_pb2.CODEC_OTHER)
    if codec not in _CONFIGURATION:
        return codec, False, 0
    name, offset = _CONFIGURATION[codec]
    configuration = Boxes(entry[_SAMPLE_ENTRY_BYTES:]).find(name)
    if configuration is None or len(configuration) <= offset:
        raise MalformedError("the track lacks its decoder configuration", code="media-description")
    length_bytes = (configuration[offset] & 3) + 1
    if length_bytes == 3:
        raise MalformedError("lengths of three bytes are not allowed", code="media-description")
    return codec, False, length_bytes
