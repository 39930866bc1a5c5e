"""The central directory of a package in a zip, read strictly (PKWARE APPNOTE 6.3, sections 4.3.7 to 4.3.16).

Only what the format allows is accepted: stored members, one behind the other from offset 0, the directory behind them,
the end record at the very end. So no member hides in a hole, overlaps another (the trick of zip bombs) or reads
differently by its local header, and nothing is ever decompressed.
"""

import struct
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from custody.core.errors import MalformedError
from custody.verifier.package.layout import MAX_MEMBERS

_END: Final = struct.Struct("<4sHHHHIIH")
_END64: Final = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR: Final = struct.Struct("<4sIQI")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
MAX_DIRECTORY_BYTES: Final = MAX_MEMBERS * 512
_FULL: Final = 0xFFFFFFFF
_FULLS: Final = (0xFFFF, _FULL, _FULL)
"""What stands for a count, size or start that the zip64 end record has."""
_CODE: Final = "package-zip"


class ZipMember(NamedTuple):
    """A stored member: its bytes are those of the zip from `offset` on."""

    name: str
    offset: int
    size_bytes: int


def _refuse(why: str) -> MalformedError:
    return MalformedError(f"the zip is not a package's: {why}", code=_CODE)


def read_zip(path: Path) -> list[ZipMember]:
    """Every member in the order of the file. Raises MalformedError ('package-zip'); OSError."""
    with path.open("rb") as file:
        length = file.seek(0, 2)
        start, size, count = _find_directory(file, length)
        if size > MAX_DIRECTORY_BYTES or count > MAX_MEMBERS:
            raise _refuse("too many members")
        file.seek(start)
        directory = file.read(size)
        if len(directory) != size:
            raise _refuse("the directory is cut off")
        members = _members(file, directory, count)
        expected = members[-1].offset + members[-1].size_bytes if members else 0
        if expected != start:
            raise _refuse("there are bytes between the members and the directory")
        return members


def _find_directory(file: BinaryIO, length: int) -> tuple[int, int, int]:
    """Start, size and count of the directory."""
    end_at = length - _END.size
    if end_at < 0:
        raise _refuse("it is too short")
    _, disk, disk2, here, count, size, start, comment = _read(file, end_at, _END, b"PK\x05\x06")
    if disk or disk2 or here != count or comment:
        raise _refuse("several disks, or a comment")
    tail = end_at
    locator = _read(file, end_at - _LOCATOR.size, _LOCATOR, None) if end_at >= _LOCATOR.size else (b"",) * 4
    if locator[0] == b"PK\x06\x07" or count == 0xFFFF or _FULL in {size, start}:
        mark, disk, tail, disks = locator
        if mark != b"PK\x06\x07" or disk or disks != 1 or tail + _END64.size + _LOCATOR.size != end_at:
            raise _refuse("the zip64 end record is elsewhere")
        _, _, _, _, disk, disk2, here, *wide = _read(file, tail, _END64, b"PK\x06\x06")
        # Python's zipfile writes this record from 2 GiB on and leaves in the other what still fits: then both must agree.
        if (
            disk
            or disk2
            or any(one not in {two, full} for one, two, full in zip((count, size, start), wide, _FULLS, strict=True))
        ):
            raise _refuse("several disks, or two end records that differ")
        if here != wide[0]:
            raise _refuse("several disks")
        count, size, start = wide
    if start + size != tail:
        raise _refuse("the directory does not end where the end record begins")
    return start, size, count


def _members(file: BinaryIO, directory: bytes, count: int) -> list[ZipMember]:
    members: list[ZipMember] = []
    names: set[str] = set()
    at = next_local = 0
    for _ in range(count):
        name, size, local, at = _central(directory, at)
        if name in names:
            raise _refuse(f"{name!r} is there twice")
        names.add(name)
        if local != next_local:
            raise _refuse("members overlap, or there is a hole between them")
        offset = _check_local(file, local, name, size)
        members.append(ZipMember(name, offset, size))
        next_local = offset + size
    if at != len(directory):
        raise _refuse("the directory has more than it says")
    return members


def _central(directory: bytes, at: int) -> tuple[str, int, int, int]:
    """Name, size and local offset of one member, and where the next begins."""
    try:
        fields = _CENTRAL.unpack_from(directory, at)
    except struct.error:
        raise _refuse("the directory is cut off") from None
    mark, made_by, _, flags, method, _, _, _, packed, size, name_len, extra_len, comment, disk, _, outer, local = fields
    if mark != b"PK\x01\x02" or method or comment or disk or flags & ~0x0800:
        raise _refuse("a member is compressed, encrypted or spread out")
    if made_by >> 8 == 3 and outer >> 28 not in {0, 8}:  # Unix: anything but a regular file, above all links
        raise _refuse("a member is no regular file")
    at += _CENTRAL.size
    raw, extra = directory[at : at + name_len], directory[at + name_len : at + name_len + extra_len]
    values = [size, packed, local]
    _widen(values, extra)
    if values[0] != values[1]:
        raise _refuse("a member is compressed")
    return _name(raw, name_len), values[0], values[2], at + name_len + extra_len


def _widen(values: list[int], extra: bytes) -> None:
    """Replaces 32-bit values that stand for 64-bit ones; the only extra field that is allowed is theirs."""
    wide = [place for place, value in enumerate(values) if value == _FULL]
    if len(extra) != (4 + 8 * len(wide) if wide else 0):
        raise _refuse("a member has unknown extra fields")
    if not wide:
        return
    tag, length = struct.unpack_from("<HH", extra)
    if tag != 1 or length != len(extra) - 4:
        raise _refuse("a member has unknown extra fields")
    for place, value in zip(wide, struct.unpack_from(f"<{len(wide)}Q", extra, 4), strict=True):
        values[place] = value


def _name(raw: bytes, length: int) -> str:
    try:
        name = raw.decode("ascii")
    except UnicodeDecodeError:
        raise _refuse("a name is not ASCII") from None
    if len(raw) != length or not name:
        raise _refuse("a name is cut off")
    return name


def _check_local(file: BinaryIO, at: int, name: str, size: int) -> int:
    """Holds the local header against the directory; returns where the bytes begin."""
    mark, _, flags, method, _, _, _, packed, plain, name_len, extra_len = _read(file, at, _LOCAL, None)
    if mark != b"PK\x03\x04" or method or flags & ~0x0800:
        raise _refuse("a local header differs from the directory")
    rest = file.read(name_len + extra_len)
    if rest[:name_len] != name.encode() or len(rest) != name_len + extra_len:
        raise _refuse("a local header differs from the directory")
    values = [plain, packed]
    _widen(values, rest[name_len:])
    if values != [size, size]:
        raise _refuse("a local header differs from the directory")
    offset: int = at + _LOCAL.size + name_len + extra_len
    return offset


def _read(file: BinaryIO, at: int, form: struct.Struct, mark: bytes | None) -> tuple[Any, ...]:
    if at < 0:
        raise _refuse("it is too short")
    file.seek(at)
    raw = file.read(form.size)
    if len(raw) != form.size or (mark is not None and raw[:4] != mark):
        raise _refuse("a record is not where it should be")
    return form.unpack(raw)
