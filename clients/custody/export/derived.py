"""Derived copies: files in which something was made unrecognisable, found by the hash that their record names.

Only copies whose record stands in the custody chains up to the snapshot are packed, and only those of the request's streams
and period: a court can hold such a copy against its record, and ask for the segments that the record names.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from custody.client import ProvenEntry
from custody.core.record import read_record
from custody.export.footage import Copied, copy_file, file_digest
from custody.export.request import ExportRequest
from custody.v1 import record_pb2
from custody.verifier.package.layout import folder_of, safe_part
from custody.verifier.package.manifest import DerivedRow, SourceRow


class Derived(NamedTuple):
    """A recorded copy with its file."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    body: record_pb2.Redaction
    source: Path
    path: str

    def holds(self, stream: str, number: int) -> bool:
        """True when something was derived of this segment."""
        return any(one.stream == stream and one.first <= number <= one.last for one in self.body.sources)


def find_derived(
    slices: Mapping[str, Sequence[ProvenEntry]], request: ExportRequest, snapshot: int, folder: Path | None
) -> list[Derived]:
    """Copies of which the file lies in `folder`, by leaf index."""
    if folder is None:
        return []
    files = {file_digest(path): path for path in sorted(folder.rglob("*"), reverse=True) if path.is_file()}
    entries = {
        one.index: one
        for chain, rows in slices.items()
        if chain.startswith("custody/")
        for one in rows
        if one.index < snapshot
    }
    found = []
    for index in sorted(entries):
        record = read_record(entries[index].entry.record)
        if record.kind.name == "redaction" and _touches(record.body, request) and record.body.derived_sha256 in files:
            source = files[record.body.derived_sha256]
            name = f"{index}-{source.name}" if safe_part(f"{index}-{source.name}") else f"{index}.bin"
            found.append(
                Derived(index, record.body, source, f"derived/{folder_of(record.body.sources[0].stream)}/{name}")
            )
    return found


def _touches(body: record_pb2.Redaction, request: ExportRequest) -> bool:
    """A source without times is taken to touch the period: its record names no other."""
    return any(
        one.stream in request.streams
        and (not one.to_us or (one.from_us < request.to_us and one.to_us > request.from_us))
        for one in body.sources
    )


def pack_derived(found: Iterable[Derived], folder: Path | None, copied: Copied) -> dict[str, bytes]:
    """Copies the files below `folder`, unless a zip takes them from where they are; digests by name."""
    digests = {}
    for one in found:
        name = f"data/{one.path}"
        if folder is not None:
            copy_file(str(one.source), f"{folder}/{name}", copied)
        digests[name] = one.body.derived_sha256
    return digests


def row_of_derived(one: Derived) -> DerivedRow:
    """The copy's row in the manifest."""
    body = one.body
    return DerivedRow(
        path=one.path,
        index=one.index,
        size_bytes=one.source.stat().st_size,
        sha256=body.derived_sha256.hex(),
        transform=body.transform,
        tool=body.tool,
        sources=tuple(SourceRow(stream=row.stream, first=row.first, last=row.last) for row in body.sources),
        media_root=body.derived_media_root.hex(),
    )
