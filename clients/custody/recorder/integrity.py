"""Hashes stored footage again, at a bounded rate and with idle I/O priority, and records the result.

Runs in a thread of its own and touches no state: it is given a list of files and gives back what it found.
"""

import ctypes
import hashlib
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from custody.recorder.ranges import Numbered

_PIECE_BYTES: Final = 1024 * 1024
_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}
_IDLE: Final = 3 << 13
_WHO_PROCESS: Final = 1


class Suspect(NamedTuple):
    """A file to hash: its segment, where it lies and what it must be."""

    segment: int
    numbered: Numbered
    path: Path
    sha256: bytes


class Checked(NamedTuple):
    """What became of one file: `matches` is None when it was not read; `problem` says why, and is empty when it is not there."""

    suspect: Suspect
    matches: bool | None
    size_bytes: int = 0
    problem: str = ""


def set_idle_priority() -> bool:
    """Gives the calling thread idle I/O priority (ioprio_set(2)); False when the kernel or machine has none."""
    number = _IOPRIO_SET.get(platform.machine())
    return number is not None and ctypes.CDLL(None, use_errno=True).syscall(number, _WHO_PROCESS, 0, _IDLE) == 0


def hash_again(
    suspects: Sequence[Suspect], bytes_per_s: int, pause: Callable[[float], bool], monotonic_s: Callable[[], float]
) -> list[Checked]:
    """Hashes files at `bytes_per_s`. `pause(seconds)` waits and returns True when it is time to stop early."""
    set_idle_priority()
    results: list[Checked] = []
    done_bytes = 0
    began = monotonic_s()
    for suspect in suspects:
        digest = hashlib.sha256()
        size = 0
        try:
            for piece in _pieces(suspect.path):
                digest.update(piece)
                size += len(piece)
                done_bytes += len(piece)
                ahead = done_bytes / bytes_per_s - (monotonic_s() - began)
                if ahead > 0 and pause(ahead):
                    return results
        except FileNotFoundError:
            results.append(Checked(suspect, None))
        except OSError as error:  # a bad sector, a right that was taken away, a link in its place: the others go on
            results.append(Checked(suspect, None, problem=error.strerror or type(error).__name__))
        else:
            results.append(Checked(suspect, digest.digest() == suspect.sha256, size))
    return results


def _pieces(path: Path) -> Iterator[bytes]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while piece := os.read(descriptor, _PIECE_BYTES):
            yield piece
        # What was read for the scan alone must not push fresh footage out of the page cache.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
