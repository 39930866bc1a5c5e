"""Measures a finished file: SHA-256, further digests, media root, times.

The file has just been written and lies in the page cache. It is read from there once, and the file's and the pictures'
hashes are made side by side, where there is the compiled library for it (`custody.recorder.onepass`). Where there is
not, or it declines, `custody.core.media` reads the pictures: out of the buffer, when the file fits into it; else in a
second thread, because SHA-256 of the file and of the pictures are the same amount of work.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import Final, NamedTuple

from custody.core.digest import FileHasher
from custody.core.errors import CustodyError, MalformedError
from custody.core.media.clip import Clip
from custody.core.media.container import read_clip
from custody.recorder.onepass.passing import PIECE_BYTES, Pass, begin_pass
from custody.v1 import record_pb2

BUFFER_BYTES: Final = 4 * 1024 * 1024
"""Most ten-second segments at 3 Mbit/s fit; two windows per worker stay small beside 300 MB."""

_GLANCE_BYTES: Final = 4096


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
    """Measures `path`; `side` runs the second thread for large files that need one (None: one thread).

    Raises FileChangedError, or OSError when it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        before = os.fstat(descriptor)
        taken = _take(descriptor, before.st_size, wish, path, side)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    hasher = taken.hasher
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
        clip=taken.clip,
        media=taken.media,
        problem=taken.problem,
    )


class _Taken(NamedTuple):
    """What reading a file gave."""

    hasher: FileHasher
    clip: Clip
    media: record_pb2.Media | None
    problem: str


def _take(descriptor: int, size: int, wish: Wish, path: Path, side: ThreadPoolExecutor | None) -> _Taken:
    if not wish.media:
        clip = Clip(container=_by_name(path), absence=record_pb2.MEDIA_ABSENCE_SWITCHED_OFF)
        return _Taken(_hash(descriptor, _hasher(wish)), clip, None, "")
    init = _init_segment(path, wish.init_name)
    passed = begin_pass(_Glance(descriptor), size, init=init)
    if passed is not None:
        hasher = _hash(descriptor, _hasher(wish, passed))
        found = passed.clip()
        if found is not None:
            return _Taken(hasher, *found, "")
        clip, problem = _clip(_Window(descriptor), size, init, path)
    elif size <= BUFFER_BYTES:
        hasher, content = _hash_and_keep(descriptor, _hasher(wish))
        clip, problem = _clip(_Buffer(content), len(content), init, path)
    elif side is None:
        hasher = _hash(descriptor, _hasher(wish))  # done before the window takes this thread's buffer
        clip, problem = _clip(_Window(descriptor), size, init, path)
    else:
        hashing = side.submit(_hash, descriptor, _hasher(wish))
        try:
            clip, problem = _clip(_Window(descriptor), size, init, path)
        finally:
            hasher = hashing.result()
    return _Taken(hasher, clip, clip.media(), problem)


def _hasher(wish: Wish, passed: Pass | None = None) -> FileHasher:
    return FileHasher(wish.algorithms, chunks=wish.chunks, sha256=passed)


def _hash_and_keep(descriptor: int, hasher: FileHasher) -> tuple[FileHasher, memoryview]:
    """Hashes a file that fits into the buffer, which then holds it."""
    view = memoryview(_buffer())
    at = 0
    while count := os.preadv(descriptor, [view[at : at + PIECE_BYTES]], at):
        hasher.update(view[at : at + count])
        at += count
    return hasher, view[:at]


def _hash(descriptor: int, hasher: FileHasher) -> FileHasher:
    view = memoryview(_buffer())[:PIECE_BYTES]
    at = 0
    while count := os.preadv(descriptor, [view], at):
        hasher.update(view[:count])
        at += count
    return hasher


_OF_THREAD: Final = local()


def _buffer() -> bytearray:
    """The calling thread's buffer: fresh memory for every file would cost a page fault for every 4 KiB."""
    buffer: bytearray | None = getattr(_OF_THREAD, "buffer", None)
    if buffer is None or len(buffer) != BUFFER_BYTES:
        buffer = _OF_THREAD.buffer = bytearray(BUFFER_BYTES)
    return buffer


def _clip(read: "_Buffer | _Window", size: int, init: bytes, path: Path) -> tuple[Clip, str]:
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


class _Glance:
    """Reads a file's index: few small pieces, here and there."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._start = 0
        self._content = b""

    def __call__(self, offset: int, length: int) -> bytes:
        begin = offset - self._start
        if begin < 0 or begin + length > len(self._content):
            self._content = os.pread(self._descriptor, max(length, _GLANCE_BYTES), offset)
            self._start, begin = offset, 0
        return self._content[begin : begin + length]


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
