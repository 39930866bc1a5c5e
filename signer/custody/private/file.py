"""Reading and making files that hold secrets: their owner's alone, bounded, never a device or a pipe."""

import os
import stat
from pathlib import Path
from typing import Final

from custody.core.errors import CustodyError

MAX_SECRET_BYTES: Final = 16_384
"""Room for any key file; keeps a wrong path (a disk image, a log) from being read whole."""


class PrivateFileError(CustodyError):
    """A file with a secret cannot be used. The message names the file, never what is in it."""

    code = "private-file-unreadable"


def read_private(path: Path, *, what: str) -> bytes:
    """The bytes of a file that only its owner can read.

    Raises PrivateFileError: `private-file-exposed` when others may read or change it, `private-file-unreadable` when it is
    missing, no ordinary file, or too long.
    """
    try:
        # NONBLOCK: a pipe must not hold us up; it is refused below.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise PrivateFileError(f"cannot read {what} {path}: {error.strerror}") from error
    try:
        # The owner is checked on the open file: nobody can swap it between the check and the reading.
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise PrivateFileError(f"{what} {path} is no ordinary file")
        if found.st_mode & 0o077 or found.st_uid not in {0, os.geteuid()}:
            raise PrivateFileError(
                f"{what} {path} can be reached by others; it must belong to its user alone (chmod 600)",
                code="private-file-exposed",
            )
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_SECRET_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_SECRET_BYTES:
        raise PrivateFileError(f"{what} {path} is longer than {MAX_SECRET_BYTES} bytes")
    return data


def write_new(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Make a file that was not there, durable with its name when this returns.

    A crash leaves nothing, or a file that is cut short and that nobody was told of. Raises PrivateFileError
    `private-file-exists`; OSError after removing what was begun.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    except FileExistsError as error:
        raise PrivateFileError(f"{path} exists already and is not replaced", code="private-file-exists") from error
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        path.unlink()
        raise
    sync_folder(path.parent)


def replace_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Puts new content in the place of a file in one step; durable on return.

    A crash leaves the old file or the new one, and perhaps a stray `.new` beside it, which the next call removes.
    """
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    write_new(fresh, data, mode=mode)
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
