"""Measures a finished file: SHA-256, further digests, media root, times; in one pass for files of ordinary size.

The file has just been written and lies in the page cache. A file that fits into the buffer is read from the system
once, and both the file's and the pictures' hashes are made from the buffer; a larger one is hashed in two threads, each
with its own window, because SHA-256 of the file and of the pictures are the same amount of work.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import Final

from custody.core.digest import FileHasher
from custody.core.errors import CustodyError, MalformedError
from custody.core.media.clip import Clip
from custody.core.media.container import read_clip
from custody.v1 import record_pb2

BUFFER_BYTES: Final = 4 * 1024 * 1024
"""Most ten-second segments at 3 Mbit/s fit; two windows per worker stay small beside 300 MB."""
PIECE_BYTES: Final = 256 * 1024
"""Read and hashed at once: small enough for the second-level cache, so that memory is gone through once."""


class FileChangedError(CustodyError):
    """The file was written to while it was measured: it is not finished."""

    code = "file-not-finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to compute besides SHA-256."""

    algorithms: Sequence[int] = ()
    """record_pb2.DIGEST_ALGORITHM_*."""
    media: bool = True
    chunks: bool = False
    init_name: str = ""
    """Name of the initialization segment in the file's folder, for containers stored in parts; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a file is."""

    size_bytes: int
    mtime_ns: int
    sha256: bytes
    digests: Sequence[record_pb2.Digest]
    chunk_root: bytes
    clip: Clip
    media: record_pb2.Media | None
    problem: str = ""
    """Code of the error when the container is damaged."""


def measure(path: Path, wish: Wish, side: ThreadPoolExecutor | None = None) -> Measured:
    """Measures `path`; `side` runs the second thread for large files (None: one thread).

    Raises FileChangedError, or OSError when it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        before = os.fstat(descriptor)
        hasher = FileHasher(wish.algorithms, chunks=wish.chunks)
        if before.st_size <= BUFFER_BYTES or not wish.media:
            clip, problem = _in_one(descriptor, hasher, wish, path)
        else:
            clip, problem = _in_two(descriptor, before.st_size, hasher, wish, path, side)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if (after.st_size, after.st_mtime_ns) != (
        before.st_size,
        before.st_mtime_ns,
    ) or hasher.size_bytes != before.st_size:
        raise FileChangedError(f"{path} was written to while it was measured")
    return Measured(
        size_bytes=before.st_size,
        mtime_ns=before.st_mtime_ns,
        sha256=hasher.sha256(),
        digests=hasher.digests(),
        chunk_root=hasher.chunk_root() if wish.chunks else b"",
        clip=clip,
        media=clip.media(),
        problem=problem,
    )


def _in_one(descriptor: int, hasher: FileHasher, wish: Wish, path: Path) -> tuple[Clip, str]:
    if not wish.media:
        _hash(descriptor, hasher)
        return Clip(container=_by_name(path), absence=record_pb2.MEDIA_ABSENCE_SWITCHED_OFF), ""
    buffer = _buffer()
    view = memoryview(buffer)
    at = 0
    while count := os.preadv(descriptor, [view[at : at + PIECE_BYTES]], at):
        hasher.update(view[at : at + count])
        at += count
    return _clip(_Buffer(view[:at]), at, wish, path)


def _in_two(
    descriptor: int, size: int, hasher: FileHasher, wish: Wish, path: Path, side: ThreadPoolExecutor | None
) -> tuple[Clip, str]:
    if side is None:
        _hash(descriptor, hasher)  # done before the window takes this thread's buffer
        return _clip(_Window(descriptor), size, wish, path)
    hashing = side.submit(_hash, descriptor, hasher)
    try:
        return _clip(_Window(descriptor), size, wish, path)
    finally:
        hashing.result()


def _hash(descriptor: int, hasher: FileHasher) -> None:
    view = memoryview(_buffer())[:PIECE_BYTES]
    at = 0
    while count := os.preadv(descriptor, [view], at):
        hasher.update(view[:count])
        at += count


_OF_THREAD: Final = local()


def _buffer() -> bytearray:
    """The calling thread's buffer: fresh memory for every file would cost a page fault for every 4 KiB."""
    buffer: bytearray | None = getattr(_OF_THREAD, "buffer", None)
    if buffer is None or len(buffer) != BUFFER_BYTES:
        buffer = _OF_THREAD.buffer = bytearray(BUFFER_BYTES)
    return buffer


def _clip(read: "_Buffer | _Window", size: int, wish: Wish, path: Path) -> tuple[Clip, str]:
    init = _init_segment(path, wish.init_name)
    try:
        return read_clip(read, size, init=init), ""
    except MalformedError as error:
        return Clip(container=_by_name(path), absence=record_pb2.MEDIA_ABSENCE_DAMAGED), error.code


def _init_segment(path: Path, name: str) -> bytes:
    if not name:
        return b""
    try:
        with (path.parent / name).open("rb") as file:
            return file.read(1024 * 1024)
    except FileNotFoundError:
        return b""


def _by_name(path: Path) -> int:
    return {
        ".mp4": record_pb2.CONTAINER_MP4,
        ".m4s": record_pb2.CONTAINER_FRAGMENTED_MP4,
        ".ts": record_pb2.CONTAINER_MPEG_TS,
        ".mkv": record_pb2.CONTAINER_MATROSKA,
        ".avi": record_pb2.CONTAINER_AVI,
    }.get(path.suffix, record_pb2.CONTAINER_OTHER)


class _Buffer:
    """Reads from a file that is in memory."""

    def __init__(self, content: memoryview) -> None:
        self._content = content

    def __call__(self, offset: int, length: int) -> memoryview:
        return self._content[offset : offset + length]


class _Window:
    """Reads a file through one buffer; a mapping would be simpler, but a file that is cut short under it kills the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = _buffer()
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def __call__(self, offset: int, length: int) -> bytes | memoryview:
        if length > BUFFER_BYTES:
            return os.pread(self._descriptor, length, offset)
        if not self._start <= offset <= offset + length <= self._end:
            self._start = offset
            self._end = offset + os.preadv(self._descriptor, [self._buffer], offset)
        return self._view[offset - self._start : min(offset + length, self._end) - self._start]
