"""The finished package as one zip: stored members, fixed times, sorted; the same files give the same bytes.

Footage goes from where the recorder left it straight into the zip: it is never on the disk a third time.

What if we crash: `<target>.new` is what was packed so far. The next run reads it again, keeps the members that are whole and
still have the digest that they must have, cuts off the rest and goes on behind them; so the end is the same bytes as without
the crash. Nothing in it is believed unread: neither a disk nor somebody who could write to it need be trusted.
"""

import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final
from zlib import crc32

from custody.export.errors import ExportError
from custody.export.footage import PIECE_BYTES, file_digest
from custody.verifier.package.container import Container
from custody.verifier.package.layout import TOP

_TIME: Final = (1980, 1, 1, 0, 0, 0)
Packed = Callable[[int], None]
"""Is told of each number of bytes that the zip has more, and of those that it had already."""


def write_zip(
    folder: Path,
    target: Path,
    digests: Mapping[str, bytes],
    elsewhere: Mapping[str, Path] | None = None,
    packed: Packed = lambda _: None,
) -> None:
    """Writes `folder`, and the files that lie `elsewhere`, by name, into a new zip and puts it in place in one step.

    `digests` are those of the payload, by name: what is packed is hashed again. Raises ExportError ('export-changed') when a
    file is not the one that was written; OSError.
    """
    fresh = target.with_name(f"{target.name}.new")
    files = sorted((files_below(folder) | dict(elsewhere or {})).items())
    with open_partial(fresh) as file:
        kept, end = _whole_members(file, files, digests, packed)
        file.truncate(end)
        file.seek(end)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            archive.filelist += kept
            archive.NameToInfo |= {info.filename: info for info in kept}
            for name, path in files[len(kept) :]:
                digest = _put(archive, path, name, packed)
                if name in digests and digest != digests[name]:
                    raise ExportError(f"{name} changed while it was packed; export again", code="export-changed")
        file.flush()
        os.fsync(file.fileno())  # what the zip is made of is taken away next
    fresh.replace(target)


def files_below(folder: Path) -> dict[str, Path]:
    """Files of an unpacked package by their names in it."""
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def open_partial(path: Path) -> BinaryIO:
    """The unfinished zip, to be read and written; never through a link. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    return os.fdopen(descriptor, "r+b")


def _whole_members(
    file: BinaryIO, files: Sequence[tuple[str, Path]], digests: Mapping[str, bytes], packed: Packed
) -> tuple[list[zipfile.ZipInfo], int]:
    """The first members that stand in `file` as they must, header and bytes, and where the last of them ends."""
    kept: list[zipfile.ZipInfo] = []
    end = 0
    for name, path in files:
        info = _info(name, path.stat().st_size)
        begin = end + len(info.FileHeader(_wide(info)))
        digest, info.CRC, count = _read_on(file, begin, info.file_size)
        info.compress_size, info.header_offset = info.file_size, end
        file.seek(end)
        header = info.FileHeader(_wide(info))
        wanted = digests.get(name) or file_digest(path)
        if count != info.file_size or digest != wanted or file.read(len(header)) != header:
            break
        kept.append(info)
        packed(count)
        end = begin + count
    return kept, end


def _read_on(file: BinaryIO, begin: int, size_bytes: int) -> tuple[bytes, int, int]:
    """SHA-256 and CRC-32 of the bytes from `begin` on, and how many there were."""
    digest, crc, count = sha256(), 0, 0
    file.seek(begin)
    while count < size_bytes and (piece := file.read(min(PIECE_BYTES, size_bytes - count))):
        digest.update(piece)
        crc = crc32(piece, crc)
        count += len(piece)
    return digest.digest(), crc, count


def rewrite_zip(container: Container, target: Path, changed: Mapping[str, bytes]) -> None:
    """Writes a zip again with some members new or changed, and replaces it in one step."""
    fresh = target.with_name(f"{target.name}.new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name in sorted(container.places.keys() | changed.keys()):
            if name in changed:
                _put_from(archive, BytesIO(changed[name]), name, len(changed[name]))
            else:
                with container.open(name) as source:
                    _put_from(archive, source, name, container.places[name].size_bytes)
    fresh.replace(target)


def _put(archive: zipfile.ZipFile, path: Path, name: str, packed: Packed) -> bytes:
    with path.open("rb") as source:
        return _put_from(archive, source, name, path.stat().st_size, packed)


def _put_from(
    archive: zipfile.ZipFile, source: BinaryIO, name: str, size_bytes: int, packed: Packed = lambda _: None
) -> bytes:
    info = _info(name, size_bytes)
    digest = sha256()
    with archive.open(info, "w", force_zip64=_wide(info)) as member:
        while piece := source.read(PIECE_BYTES):
            digest.update(piece)
            member.write(piece)
            packed(len(piece))
    return digest.digest()


def _info(name: str, size_bytes: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f"{TOP}/{name}", _TIME)
    info.create_system, info.external_attr = 3, 0o100644 << 16
    info.file_size, info.compress_size, info.CRC = size_bytes, 0, 0
    return info


def _wide(info: zipfile.ZipInfo) -> bool:
    """Whether the header has 64-bit sizes: what `ZipFile.open` decides, said here so that both agree."""
    return info.file_size * 1.05 > zipfile.ZIP64_LIMIT
