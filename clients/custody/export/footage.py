"""Footage files: which segments are in the period, where their files are, and copying them bit for bit.

A file is copied in pieces and hashed on the way. What does not have the recorded hash is not put into the package but
named as altered: a package never calls a file footage that the log does not know.
"""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from custody.client import ProvenEntry
from custody.core.record import ReadRecord, read_record
from custody.export.request import ExportRequest
from custody.v1 import record_pb2
from custody.verifier.package.layout import folder_of, safe_part
from custody.verifier.package.manifest import AbsentRow, FileRow, show_times
from custody.verifier.package.margins import touches

PIECE_BYTES: Final = 1 << 20
Copied = Callable[[int], None]


class Segment(NamedTuple):
    """A recorded segment and its place in the package, below `data/`."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    at_us: int
    body: record_pb2.Segment
    path: str


def segments_of(entries: Iterable[ProvenEntry], request: ExportRequest, read: dict[int, ReadRecord]) -> list[Segment]:
    """Segments that touch the period, by number; each with a safe name of its own. Every record goes into `read`."""
    found = []
    for entry in entries:
        record = read[entry.index] = read_record(entry.entry.record)
        if record.kind.name == "segment" and touches(record.period_us, request.from_us, request.to_us):
            found.append((entry.index, record.at_us, record.body))
    names = Counter(_name(body).lower() for _, _, body in found)
    placed = [
        Segment(index, at_us, body, f"footage/{folder_of(body.stream)}/{_own_name(body, index, names)}")
        for index, at_us, body in found
    ]
    return sorted(placed, key=lambda one: (one.body.number, one.index))


def _name(body: record_pb2.Segment) -> str:
    return body.path.rpartition("/")[2]


def _own_name(body: record_pb2.Segment, index: int, names: Counter[str]) -> str:
    name = _name(body)
    if safe_part(name) and names[name.lower()] == 1:
        return name
    return f"{body.number:08d}-{index}.bin"


def row_of(segment: Segment, zone: str) -> FileRow:
    """The segment's row in the manifest."""
    body = segment.body
    utc, local = show_times(segment.at_us, zone)
    sm3 = next((one.value.hex() for one in body.digests if one.algorithm == record_pb2.DIGEST_ALGORITHM_SM3), "")
    return FileRow(
        path=segment.path, stream=body.stream, number=body.number, index=segment.index, from_us=segment.at_us,
        to_us=segment.at_us + body.duration_us, utc=utc, local=local,
        container=record_pb2.Container.Name(body.container).removeprefix("CONTAINER_").lower(),
        codec=record_pb2.Codec.Name(body.codec).removeprefix("CODEC_").lower(),
        size_bytes=body.size_bytes, sha256=body.file_sha256.hex(), sm3=sm3,
        media_root=body.media.media_root.hex() if body.HasField("media") else "",
        units=body.media.units if body.HasField("media") else 0,
    )  # fmt: skip


def copy_segment(segment: Segment, footage: Path, target: str, copied: Copied) -> str:
    """Puts a segment's file at `target`; returns "" or the reason why it is absent.

    Crash in the middle: `target` is short or has another hash, and the next run copies it again.
    """
    body = segment.body
    reason = "not-found"
    for source in _sources(body, footage):
        try:
            found = copy_file(source, target, copied, wanted=body.file_sha256)
        except (FileNotFoundError, NotADirectoryError, NotAFile):
            continue
        if found == body.file_sha256:
            return ""
        os.unlink(target)  # noqa: PTH108  of thousands
        reason = "altered"
    if reason == "not-found" and os.path.exists(target):  # noqa: PTH110
        # Copied by a run before, and gone since from where it came.
        if file_digest(Path(target)) == body.file_sha256:
            return ""
        os.unlink(target)  # noqa: PTH108
    return reason


def find_segment(segment: Segment, footage: Path, hashed: Copied) -> tuple[Path | None, str]:
    """The segment's file where the recorder left it, hashed, or None and the reason why it is absent: for a zip."""
    reason = "not-found"
    for source in map(Path, _sources(segment.body, footage)):
        if not source.is_file():
            continue
        found = file_digest(source)
        hashed(segment.body.size_bytes)
        if found == segment.body.file_sha256:
            return source, ""
        reason = "altered"
    return None, reason


def _sources(body: record_pb2.Segment, footage: Path) -> list[str]:
    """Where the file may be: under its recorded path, or under its name in the stream's folder."""
    parts = body.path.split("/")
    if not body.path or any(part in {"", ".", ".."} or "\0" in part for part in parts):
        return []
    return list(dict.fromkeys((f"{footage}/{body.path}", f"{footage}/{body.stream}/{parts[-1]}")))


class NotAFile(OSError):
    """A folder, a device or a pipe stands where a file is looked for."""


def copy_file(source: str, target: str, copied: Copied, wanted: bytes = b"") -> bytes:
    """Copies and hashes in pieces; returns the SHA-256. A file at `target` that has the digest `wanted` stays as it is.

    Without buffers and paths of Python's: a day of one camera is thousands of small files. Raises NotAFile, OSError.
    """
    digest = sha256()
    with open(os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb", buffering=0) as reader:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(reader.fileno()).st_mode):
            raise NotAFile(f"{source} is no file")
        try:
            descriptor = _create(target)
        except FileExistsError:
            if wanted and file_digest(Path(target)) == wanted:
                copied(os.fstat(reader.fileno()).st_size)
                return wanted
            descriptor = os.open(target, os.O_WRONLY | os.O_CLOEXEC | os.O_TRUNC | os.O_NOFOLLOW)
        with open(descriptor, "wb", buffering=0) as writer:  # noqa: PTH123
            while piece := reader.read(PIECE_BYTES):
                digest.update(piece)
                written = writer.write(piece)
                while written < len(piece):
                    written += writer.write(piece[written:])
                copied(len(piece))
    return digest.digest()


def _create(target: str) -> int:
    flags = os.O_WRONLY | os.O_CLOEXEC | os.O_CREAT | os.O_EXCL
    try:
        return os.open(target, flags, 0o666)
    except FileNotFoundError:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        return os.open(target, flags, 0o666)


def file_digest(path: Path) -> bytes:
    """SHA-256 of a file, read in pieces."""
    digest = sha256()
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.digest()


def absent_row(segment: Segment, reason: str) -> AbsentRow:
    """How the manifest names a segment whose file is not here."""
    return AbsentRow(stream=segment.body.stream, number=segment.body.number, index=segment.index, reason=reason)
