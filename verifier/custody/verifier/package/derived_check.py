"""Check 8, for derived copies: each is what a record of the log says was made of which segments.

A derived copy is never footage: its pictures were changed. What it proves is that the one who recorded it made this file, by
this transform, of those segments; the segments themselves are in the package, or a court can ask for them by their entries.
"""

from collections.abc import Mapping, Sequence

from custody.core.record import ReadRecord
from custody.verifier.package.layout import DERIVED
from custody.verifier.package.manifest import WITHHELD_SOURCE, DerivedRow, PackageManifest, SourceRow
from custody.verifier.package.report import SEGMENTS, DerivedCopy, PackageReport


class DerivedCheck:
    """Fed with every entry; memory grows with the manifest only."""

    def __init__(self, report: PackageReport, manifest: PackageManifest, digests: Mapping[str, bytes]) -> None:
        self._report = report
        self._manifest = manifest
        self._rows = {row.index: row for row in manifest.derived}
        self._digests = digests
        self._proven: list[DerivedRow] = []
        if len(self._rows) != len(manifest.derived):
            report.find(SEGMENTS, "package-manifest", "an entry is named twice among the derived copies")

    def take(self, index: int, record: ReadRecord) -> None:
        """One entry; of any kind."""
        if record.kind.name != "redaction" or index not in self._rows:
            return
        row, body = self._rows.pop(index), record.body
        told = (
            body.derived_sha256.hex(), body.transform, body.tool, body.derived_media_root.hex(),
            [(one.stream, one.first, one.last) for one in body.sources], body.derived_bytes or row.size_bytes,
        )  # fmt: skip
        sources = [(one.stream, one.first, one.last) for one in row.sources]
        if told != (row.sha256, row.transform, row.tool, row.media_root, sources, row.size_bytes):
            self._report.find(
                SEGMENTS, "derived-differs", f"{row.path}: the manifest says other than the record", index=index
            )
        path = f"data/{row.path}"
        if self._digests.get(path) != body.derived_sha256 or not path.startswith(DERIVED):
            self._report.find(SEGMENTS, "derived-altered", f"{row.path} is not the recorded copy", path=path)
        self._proven.append(row)

    def end(self, names: Sequence[str]) -> None:
        """What no entry tells, what the manifest does not name, and sources that are kept back for nothing."""
        for row in self._rows.values():
            self._report.find(SEGMENTS, "derived-unrecorded", f"{row.path}: no such copy is recorded", path=row.path)
        listed = {f"data/{row.path}" for row in self._manifest.derived}
        for name in names:
            if name.startswith(DERIVED) and name not in listed:
                self._report.find(SEGMENTS, "file-unlisted", f"{name} is not in the manifest", path=name)
        sources = [source for row in self._proven for source in row.sources]
        for absent in self._manifest.absent:
            if absent.reason == WITHHELD_SOURCE and not any(
                _holds(one, absent.stream, absent.number) for one in sources
            ):
                self._report.find(
                    SEGMENTS,
                    "source-withheld",
                    f"{absent.stream} {absent.number} is kept back, and no copy of it is here",
                )
        absent_rows = {(row.stream, row.number) for row in self._manifest.absent}
        here = {(row.stream, row.number) for row in self._manifest.files} - absent_rows
        self._report.derived = tuple(
            DerivedCopy(row, tuple(all((one.stream, n) in here for n in _numbers(one)) for one in row.sources))
            for row in self._proven
        )


_MOST = 200_000
"""A source that names more segments than a package has files is not whole in it."""


def _numbers(source: SourceRow) -> range:
    return range(source.first, min(source.last, source.first + _MOST) + 1)


def _holds(source: SourceRow, stream: str, number: int) -> bool:
    return source.stream == stream and source.first <= number <= source.last
