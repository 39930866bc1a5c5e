"""Files below a folder: found without following symbolic links, hashed by all processors.

Paths are relative to the folder, with '/' between parts. Only names that were found here are ever opened; a path that
stands in the log is compared with them and never used, so nothing outside the folder can be reached.
"""

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

BUFFER_BYTES: Final = 1 << 20
"""Large enough that reading costs little beside hashing, small enough for the second-level cache."""

Progress = Callable[[int, int], None]


class FoundFile(NamedTuple):
    """A regular file."""

    path: str
    size_bytes: int


class HashedFile(NamedTuple):
    """A file that was read, or the reason why it could not be."""

    path: str
    size_bytes: int
    """How many bytes were read."""
    sha256: bytes
    error: str
    """Empty when the file was read."""


class Tree(NamedTuple):
    """What a folder holds."""

    files: list[FoundFile]
    strangers: list[str]
    """Symbolic links, devices and folders that cannot be read: seen, and not entered."""


def walk(root: Path) -> Tree:
    """Every regular file below `root`, sorted by path. Raises OSError when `root` itself cannot be read."""
    files: list[FoundFile] = []
    strangers: list[str] = []
    folders = [""]
    while folders:
        below = folders.pop()
        try:
            with os.scandir(root / below) as entries:
                for entry in entries:
                    path = f"{below}/{entry.name}" if below else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(path)
                    elif entry.is_file(follow_symlinks=False):
                        files.append(FoundFile(path, entry.stat(follow_symlinks=False).st_size))
                    else:
                        strangers.append(path)
        except OSError:
            if not below:
                raise
            strangers.append(below)
    return Tree(sorted(files), sorted(strangers))


def hash_files(root: Path, files: Iterable[FoundFile], workers: int, progress: Progress | None) -> Iterator[HashedFile]:
    """SHA-256 of files, in no order; hashlib and the reads run without Python's lock, so threads use all processors."""
    # The largest first: a long file that begins last would keep one processor busy alone.
    order = sorted(files, key=lambda file: -file.size_bytes)
    total = sum(file.size_bytes for file in order)
    done = 0
    local = threading.local()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for hashed in pool.map(lambda file: _hash(root, file, local), order):
                done += hashed.size_bytes
                if progress is not None:
                    progress(min(done, total), total)
                yield hashed
        finally:
            pool.shutdown(cancel_futures=True)


def _hash(root: Path, file: FoundFile, local: threading.local) -> HashedFile:
    buffer: bytearray | None = getattr(local, "buffer", None)
    if buffer is None:
        buffer = local.buffer = bytearray(BUFFER_BYTES)
    view = memoryview(buffer)
    digest = hashlib.sha256()
    size_bytes = 0
    try:
        # O_NOFOLLOW and O_NONBLOCK: the name may have become a link or a pipe since the folder was read.
        descriptor = os.open(root / file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return HashedFile(file.path, 0, b"", "it is no regular file any more")
            with suppress(OSError):  # advice only
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while count := os.readv(descriptor, (buffer,)):
                digest.update(view[:count])
                size_bytes += count
        finally:
            os.close(descriptor)
    except OSError as error:
        return HashedFile(file.path, size_bytes, b"", error.strerror or str(error))
    return HashedFile(file.path, size_bytes, digest.digest(), "")
