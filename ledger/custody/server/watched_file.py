"""A file that may be replaced while the server runs: noticed at the next look, taken up when it is whole.

Looking is one `stat`. What cannot be used is reported once and leaves what was there before, so that a half-written file
locks nobody out and lets nobody in.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from custody.core.errors import CustodyError

log = structlog.get_logger()
T = TypeVar("T")
_Mark = tuple[tuple[int, int, int], ...]


class FileUnusable(CustodyError):
    """A certificate, key or revocation list that cannot be used."""

    code = "tls-file-unusable"


class WatchedFiles(Generic[T]):
    """What `read` made of some files, which belong together."""

    def __init__(self, paths: Sequence[Path], read: Callable[[], T]) -> None:
        """Reads them once. Raises FileUnusable, or what `read` raises of our family."""
        self._paths = tuple(paths)
        self._read = read
        self._mark = self._look()
        try:
            self.value: T = read()
        except OSError as error:
            raise FileUnusable(f"cannot read {error.filename}: {error.strerror}") from error

    def fresh(self) -> bool:
        """Looks; True when `value` is another than at the last look."""
        try:
            mark = self._look()
            if mark == self._mark:
                return False
            self._mark = mark
            self.value = self._read()
        except (OSError, CustodyError) as error:
            code = getattr(error, "code", "os-error")
            log.error("file not taken up, the old one stands", files=[str(path) for path in self._paths], code=code)
            return False
        log.info("file taken up", files=[str(path) for path in self._paths])
        return True

    def _look(self) -> _Mark:
        try:
            found = [path.stat() for path in self._paths]
        except OSError as error:
            raise FileUnusable(f"cannot read {error.filename}: {error.strerror}") from error
        return tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in found)
