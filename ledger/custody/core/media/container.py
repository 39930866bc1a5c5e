"""Which container a footage file is, and the reader for it."""

from typing import Final

from custody.core.media.clip import Clip
from custody.core.media.mp4 import Movie, open_mp4, read_mp4
from custody.core.media.reading import Read, Source
from custody.core.media.transport import Program, find_program, read_transport
from custody.v1 import record_pb2

_ISO_BOXES: Final = frozenset(
    (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"sidx", b"emsg", b"prft")
)
"""Kinds of box with which an ISO base media file begins."""


def read_clip(read: Read, size_bytes: int, *, init: bytes = b"") -> Clip:
    """Reads the footage file of `size_bytes` through `read`, picture data once and in decoding order.

    `init` is the initialization segment of a stream that is stored in parts (an fMP4 segment without its own `moov`).
    Raises MalformedError ('media-...') when the file is damaged: record_pb2.MEDIA_ABSENCE_DAMAGED.
    """
    source = Source(read=read, size_bytes=size_bytes)
    head = bytes(source.take(0, min(size_bytes, 189)))
    if _is_mp4(head):
        return read_mp4(source, init)
    if _is_transport(head):
        return read_transport(source)
    return Clip(container=_other_container(head), absence=record_pb2.MEDIA_ABSENCE_CONTAINER)


def open_container(source: Source, init: bytes = b"") -> Movie | Program | None:
    """Where the pictures of a file are, for whoever hashes them in another way; None when there is nothing to hash.

    Raises MalformedError ('media-...') when the index is damaged.
    """
    head = bytes(source.take(0, min(source.size_bytes, 189)))
    if _is_mp4(head):
        opened = open_mp4(source, init)
        return opened if isinstance(opened, Movie) else None
    return find_program(source) if _is_transport(head) else None


def _is_mp4(head: bytes) -> bool:
    return head[4:8] in _ISO_BOXES


def _is_transport(head: bytes) -> bool:
    return head[:1] == b"G" and (len(head) == 188 or head[188:189] == b"G")


def _other_container(head: bytes) -> int:
    if head.startswith(b"\x1aE\xdf\xa3"):
        return record_pb2.CONTAINER_MATROSKA
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return record_pb2.CONTAINER_AVI
    if head.startswith((b"\x00\x00\x01\xba", b"IMKH")):
        return record_pb2.CONTAINER_MPEG_PS
    return record_pb2.CONTAINER_OTHER
