"""A package as it lies on the disk, folder or zip: names, sizes, and where the bytes are. Nothing is unpacked.

Names come from the disk or the zip's directory and are all checked before any is used; a name that stands *in* the
package is only compared with them. So nothing outside the package is ever opened.
"""

import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from custody.core.errors import CustodyError, MalformedError
from custody.verifier.package.layout import (
    BAGIT,
    MAX_DOCUMENT_BYTES,
    MAX_MEMBERS,
    PACKAGE_MANIFEST,
    TOP,
    check_path,
    check_spellings,
)
from custody.verifier.package.zip_directory import read_zip

_ZIP_BEGIN: Final = b"PK\x03\x04"
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_BYTES: Final = 22
"""The end record without a comment, at the very end."""


class PackageUnreadable(CustodyError):
    """The package cannot be opened."""

    code = "package-unreadable"


class NoPackage(CustodyError):
    """What lies there does not even look like a package: nothing can be said about it."""

    code = "package-none"


class Place(NamedTuple):
    """Where a member's bytes lie."""

    path: Path
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """All members by name."""

    places: Mapping[str, Place]

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """The bytes of a member as a file. Raises MalformedError ('file-missing'); OSError."""
        place = self.places.get(name)
        if place is None:
            raise MalformedError(f"{name} is not in the package", code="file-missing")
        with io.BufferedReader(_Window(place)) as file:
            yield file

    def read(self, name: str, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
        """A whole member. Raises MalformedError ('file-missing', 'package-oversize')."""
        with self.open(name) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise MalformedError(f"{name} has more than {limit} bytes", code="package-oversize")
        return data

    def below(self, prefix: str) -> list[str]:
        """Names that begin with `prefix`, sorted."""
        return sorted(name for name in self.places if name.startswith(prefix))


class _Window(io.RawIOBase):
    """A part of a file, read by position."""

    def __init__(self, place: Place) -> None:
        self._descriptor = open_plain(place.path)
        self._begin = self._at = place.offset
        self._end = place.offset + place.size_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at - self._begin

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: self._begin, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence]
        self._at = min(max(base + offset, self._begin), self._end)
        return self._at - self._begin

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # narrower than typeshed's Buffer
        view = memoryview(buffer)[: self._end - self._at]
        count = os.preadv(self._descriptor, [view], self._at) if len(view) else 0
        self._at += count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def open_plain(path: Path) -> int:
    """A descriptor of a regular file, never of a link, a device or a pipe. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no regular file")
    return descriptor


def open_package(path: Path) -> Container:
    """Lists a package. Raises PackageUnreadable; NoPackage; MalformedError: 'package-zip', 'package-path', 'package-link', 'package-oversize'."""
    try:
        _recognise(path)
        if path.is_dir():
            return Container(places=_folder(path))
        members = read_zip(path)
    except OSError as error:
        raise PackageUnreadable(f"{path}: {error.strerror or error}") from error
    places = {}
    for member in members:
        top, _, name = member.name.partition("/")
        if top != TOP:
            raise MalformedError(f"{member.name[:200]!r} is not below {TOP}/", code="package-path")
        places[check_path(name)] = Place(path, member.offset, member.size_bytes)
    check_spellings(places)
    return Container(places=places)


def _recognise(path: Path) -> None:
    """A bag has bagit.txt, ours a manifest too; a zip begins with a member or ends with its end record. Raises NoPackage; OSError."""
    if path.is_dir():
        if not any((path / name).exists() for name in (BAGIT, PACKAGE_MANIFEST)):
            raise NoPackage(f"the folder has neither {BAGIT} nor {PACKAGE_MANIFEST}: give the package's own folder")
        return
    descriptor = open_plain(path)
    try:
        begin = os.pread(descriptor, len(_ZIP_BEGIN), 0)
        end = os.pread(descriptor, len(_ZIP_END), max(0, os.fstat(descriptor).st_size - _ZIP_END_BYTES))
    finally:
        os.close(descriptor)
    if begin != _ZIP_BEGIN and end != _ZIP_END:
        raise NoPackage("the file is no zip: give the package as a folder, or as the zip that was exported")


def _folder(root: Path) -> dict[str, Place]:
    places: dict[str, Place] = {}
    folders = [""]
    seen = 0
    while folders:
        below = folders.pop()
        with os.scandir(root / below) as entries:
            for entry in entries:
                seen += 1
                if seen > MAX_MEMBERS:
                    raise MalformedError(f"more than {MAX_MEMBERS} files", code="package-oversize")
                name = check_path(f"{below}/{entry.name}" if below else entry.name)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif entry.is_file(follow_symlinks=False):
                    places[name] = Place(root / name, 0, entry.stat(follow_symlinks=False).st_size)
                else:
                    raise MalformedError(f"{name} is a link or a device", code="package-link")
    check_spellings(places)
    return places
