"""Reading and making files that hold secrets: ours alone, bounded, never a device or a pipe."""

import os
import stat
from pathlib import Path
from typing import Final

from custody.signer.errors import SignerKeyError

MAX_SECRET_BYTES: Final = 16_384
"""Room for any key file; keeps a wrong path (a disk image, a log) from being read whole."""


def read_private(path: Path, *, what: str) -> bytes:
    """The bytes of a file that only its owner can read.

    Raises SignerKeyError: `signer-file-exposed` when others may read or change it, `signer-file-unreadable` when it is
    missing, no ordinary file, or too long.
    """
    try:
        # NONBLOCK: a pipe must not hold us up; it is refused below.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SignerKeyError(f"cannot read {what} {path}: {error.strerror}", code="signer-file-unreadable") from error
    try:
        # The owner is checked on the open file: nobody can swap it between the check and the reading.
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise SignerKeyError(f"{what} {path} is no ordinary file", code="signer-file-unreadable")
        if found.st_mode & 0o077 or found.st_uid not in {0, os.geteuid()}:
            raise SignerKeyError(
                f"{what} {path} can be reached by others; it must be the signer's own (chmod 600)",
                code="signer-file-exposed",
            )
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_SECRET_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_SECRET_BYTES:
        raise SignerKeyError(f"{what} {path} is longer than {MAX_SECRET_BYTES} bytes", code="signer-file-unreadable")
    return data


def write_private(path: Path, data: bytes) -> None:
    """Make a file that was not there, mode 0600, durable with its name when this returns.

    Raises FileExistsError, and other OSErrors after removing what was begun.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        path.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
