"""manifest.json and manifest.csv: what the package holds, row by row (docs/spec/package.md, "manifest.json")."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final

from custody.core import limits
from custody.core.errors import MalformedError
from custody.verifier.package.layout import SCHEMA, check_path, decode_json, encode_json

_CODE: Final = "package-manifest"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ZONE: Final = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)")
WITHHELD_SOURCE: Final = "withheld-source"
"""A redacted copy is given in its place."""
ABSENT: Final = frozenset({"not-found", "altered", WITHHELD_SOURCE})
COLUMNS: Final = (
    "path", "stream", "number", "index", "utc", "local", "from_us", "to_us", "container", "codec", "size_bytes", "sha256",
    "sm3", "media_root", "units",
)  # fmt: skip
_TEXTS: Final = ("path", "stream", "utc", "local", "container", "codec", "sha256")
_NUMBERS: Final = ("number", "index", "from_us", "to_us", "size_bytes")
_OPTIONAL: Final = {"sm3": str, "media_root": str, "units": int}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One segment with its file. `path` is below `data/`."""

    path: str
    stream: str
    number: int
    index: int
    from_us: int
    to_us: int
    utc: str
    local: str
    container: str
    codec: str
    size_bytes: int
    sha256: str
    sm3: str = ""
    media_root: str = ""
    units: int = 0

    def as_json(self) -> dict[str, Any]:
        """The row; what the record does not have is left out."""
        row = {name: getattr(self, name) for name in COLUMNS}
        return {name: value for name, value in row.items() if name not in _OPTIONAL or value}


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentRow:
    """A recorded segment of the period whose file is not here."""

    stream: str
    number: int
    index: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """Segments `first` to `last` of a stream, of which something was derived; both included."""

    stream: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedRow:
    """A copy in which something was made unrecognisable, as its record tells of it. `path` is below `data/`."""

    path: str
    index: int
    size_bytes: int
    sha256: str
    transform: str
    tool: str
    sources: tuple[SourceRow, ...]
    media_root: str = ""

    def as_json(self) -> dict[str, Any]:
        """The row; what the record does not have is left out."""
        names = ("path", "index", "size_bytes", "sha256", "transform", "tool")
        row: dict[str, Any] = {name: getattr(self, name) for name in names}
        row["sources"] = [{"stream": one.stream, "first": one.first, "last": one.last} for one in self.sources]
        return row | ({"media_root": self.media_root} if self.media_root else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRow:
    """A stream and its half-open period."""

    stream: str
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageManifest:
    """The whole manifest."""

    log: str
    case_number: str
    recipient: str
    zone: str
    snapshot: int
    prepared_us: int
    streams: tuple[StreamRow, ...]
    files: tuple[FileRow, ...]
    absent: tuple[AbsentRow, ...] = ()
    derived: tuple[DerivedRow, ...] = ()

    def encode(self) -> bytes:
        """manifest.json."""
        derived = {"derived": [row.as_json() for row in self.derived]} if self.derived else {}
        return encode_json(
            derived
            | {
                "schema": SCHEMA,
                "log": self.log,
                "case_number": self.case_number,
                "recipient": self.recipient,
                "zone": self.zone,
                "snapshot": self.snapshot,
                "prepared_us": self.prepared_us,
                "streams": [{"stream": one.stream, "from_us": one.from_us, "to_us": one.to_us} for one in self.streams],
                "files": [row.as_json() for row in self.files],
                "absent": [
                    {"stream": row.stream, "number": row.number, "index": row.index, "reason": row.reason}
                    for row in self.absent
                ],
            }
        )

    def csv(self) -> bytes:
        """manifest.csv: RFC 4180 with a byte order mark, without which spreadsheets misread Chinese."""
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\r\n")
        table.writerow(COLUMNS)
        for row in self.files:
            table.writerow([getattr(row, name) or "" for name in COLUMNS])
        return b"\xef\xbb\xbf" + out.getvalue().encode()


def show_times(at_us: int, zone: str) -> tuple[str, str]:
    """UTC and local time of a moment, ISO 8601 to the millisecond. Raises MalformedError for a bad zone."""
    offset = _offset(zone)
    try:
        at = _EPOCH + timedelta(microseconds=at_us)
        local = at.astimezone(offset)
    except OverflowError:
        raise MalformedError(f"not a time: {at_us}", code=_CODE) from None
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), local.isoformat(timespec="milliseconds")


@lru_cache(maxsize=8)
def _offset(zone: str) -> timezone:
    match = _ZONE.fullmatch(zone)
    if match is None:
        raise MalformedError(f"not an offset like +08:00: {zone[:16]!r}", code=_CODE)
    return timezone(timedelta(minutes=(int(match[2]) * 60 + int(match[3])) * (-1 if match[1] == "-" else 1)))


def parse_manifest(data: bytes) -> PackageManifest:
    """Reads manifest.json; the inverse of `encode`. Raises MalformedError ('package-manifest', 'package-path')."""
    value = decode_json(data, _CODE)
    try:
        found = PackageManifest(
            log=_text(value["log"]),
            case_number=_text(value["case_number"]),
            recipient=_text(value["recipient"]),
            zone=_text(value["zone"]),
            snapshot=_number(value["snapshot"]),
            prepared_us=_number(value["prepared_us"]),
            streams=tuple(_stream(row) for row in value["streams"]),
            files=tuple(_file(row) for row in value["files"]),
            absent=tuple(_absent(row) for row in value["absent"]),
            derived=tuple(_derived(row) for row in value.get("derived", ())),
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise MalformedError("the manifest lacks a field or has one of another type", code=_CODE) from error
    if found.encode() != data:
        raise MalformedError("the manifest has fields that are not known", code=_CODE)
    _check_order(found)
    return found


def _check_order(found: PackageManifest) -> None:
    _ascending([(row.stream,) for row in found.streams])
    _ascending([(row.stream, row.number, row.index) for row in found.files])
    _ascending([(row.stream, row.number, row.index) for row in found.absent])
    _ascending([(row.index, row.path) for row in found.derived])
    listed: list[FileRow | DerivedRow] = [*found.files, *found.derived]
    if len({check_path(row.path) for row in listed}) != len(listed):
        raise MalformedError("two segments are said to be one file", code=_CODE)
    for row in found.files:
        if (row.utc, row.local) != show_times(row.from_us, found.zone):
            raise MalformedError(f"{row.path}: the written times are not those of from_us", code=_CODE)
    if not found.streams or any(row.reason not in ABSENT for row in found.absent):
        raise MalformedError("the manifest names no stream, or an unknown reason", code=_CODE)


def _ascending(keys: Sequence[tuple[object, ...]]) -> None:
    if list(keys) != sorted(set(keys)):
        raise MalformedError("the rows are not sorted, or one is twice", code=_CODE)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= limits.MAX_COUNT:
        raise TypeError
    return value


def _stream(row: Any) -> StreamRow:
    return StreamRow(stream=_text(row["stream"]), from_us=_number(row["from_us"]), to_us=_number(row["to_us"]))


def _file(row: Any) -> FileRow:
    fields: dict[str, Any] = {name: _text(row[name]) for name in _TEXTS}
    fields |= {name: _number(row[name]) for name in _NUMBERS}
    for name, kind in _OPTIONAL.items():
        if name in row:
            fields[name] = _number(row[name]) if kind is int else _text(row[name])
    return FileRow(**fields)


def _derived(row: Any) -> DerivedRow:
    sources = tuple(
        SourceRow(stream=_text(one["stream"]), first=_number(one["first"]), last=_number(one["last"]))
        for one in row["sources"]
    )
    return DerivedRow(
        path=_text(row["path"]),
        index=_number(row["index"]),
        size_bytes=_number(row["size_bytes"]),
        sha256=_text(row["sha256"]),
        transform=_text(row["transform"]),
        tool=_text(row["tool"]),
        sources=sources,
        media_root=_text(row.get("media_root", "")),
    )


def _absent(row: Any) -> AbsentRow:
    return AbsentRow(
        stream=_text(row["stream"]),
        number=_number(row["number"]),
        index=_number(row["index"]),
        reason=_text(row["reason"]),
    )
