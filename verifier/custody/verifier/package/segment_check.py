"""Check 8: manifest, records and files say the same; every recorded segment of the period is there or named as absent."""

from collections.abc import Mapping

from custody.core.entry import ReadEntry
from custody.core.record import ReadRecord
from custody.v1 import record_pb2
from custody.verifier.package.layout import FOOTAGE, folder_of
from custody.verifier.package.manifest import FileRow, PackageManifest
from custody.verifier.package.margins import Margins
from custody.verifier.package.report import SEGMENTS, PackageReport


class SegmentCheck:
    """Fed with every entry; memory grows with the manifest only."""

    def __init__(self, report: PackageReport, manifest: PackageManifest, digests: Mapping[str, bytes]) -> None:
        self._report = report
        self._rows = {row.index: row for row in manifest.files}
        self._absent = {row.index: row for row in manifest.absent}
        self.margins = {row.stream: Margins(from_us=row.from_us, to_us=row.to_us) for row in manifest.streams}
        """By stream: what bounds the period in the slice of its footage."""
        self._digests = digests
        self.leaves: dict[int, bytes] = {}
        """Leaf hashes of the segments that the manifest names."""
        if len(self._rows) != len(manifest.files) or self._rows.keys() & self._absent.keys():
            report.find(SEGMENTS, "package-manifest", "an entry is named twice in the manifest")

    def take(self, index: int, leaf: bytes, entry: ReadEntry, record: ReadRecord) -> None:
        """One entry; of any kind."""
        body = record.body
        stream = body.stream if record.kind.family == "footage" and hasattr(body, "stream") else ""
        if record.kind.name == "gap":
            stream = body.span.stream
        margins = self.margins.get(stream)
        if margins is not None and margins.take(record, entry.sequenced_at_us) and record.kind.name == "segment":
            self._segment(index, leaf, record)

    def _segment(self, index: int, leaf: bytes, record: ReadRecord) -> None:
        body = record.body
        row, absent = self._rows.pop(index, None), self._absent.pop(index, None)
        if row is not None:
            self.leaves[index] = leaf
            self._compare(row, record)
        elif absent is None or (absent.stream, absent.number) != (body.stream, body.number):
            self._report.find(
                SEGMENTS,
                "segment-unlisted",
                f"{body.stream}: segment {body.number} is recorded and not named",
                index=index,
            )

    def _compare(self, row: FileRow, record: ReadRecord) -> None:
        body = record.body
        sm3 = next((one.value.hex() for one in body.digests if one.algorithm == record_pb2.DIGEST_ALGORITHM_SM3), "")
        media = body.media if body.HasField("media") else record_pb2.Media()
        told = (
            body.stream, body.number, record.at_us, record.at_us + body.duration_us, body.size_bytes,
            body.file_sha256.hex(), sm3, media.media_root.hex(), media.units,
            record_pb2.Container.Name(body.container).removeprefix("CONTAINER_").lower(),
            record_pb2.Codec.Name(body.codec).removeprefix("CODEC_").lower(),
        )  # fmt: skip
        said = (
            row.stream, row.number, row.from_us, row.to_us, row.size_bytes, row.sha256, row.sm3, row.media_root, row.units,
            row.container, row.codec,
        )  # fmt: skip
        if told != said:
            self._report.find(
                SEGMENTS, "segment-differs", f"{row.path}: the manifest says other than the record", index=row.index
            )
        path = f"data/{row.path}"
        if self._digests.get(path) != body.file_sha256:
            why = "is not the recorded file" if path in self._digests else "is not there"
            self._report.find(SEGMENTS, "segment-altered", f"{row.path} {why}", path=path)

    def end(self) -> None:
        """What the manifest names and no entry tells."""
        for row in self._rows.values():
            self._report.find(SEGMENTS, "segment-unrecorded", f"{row.path}: no such segment is recorded", path=row.path)
        for absent in self._absent.values():
            self._report.find(SEGMENTS, "segment-unrecorded", f"{absent.stream} {absent.number}: not recorded")
        self._report.done.add(SEGMENTS)


def check_files(report: PackageReport, manifest: PackageManifest, names: list[str], csv: bytes) -> None:
    """Nothing lies among the footage that the manifest does not name; the table for spreadsheets says the same."""
    listed = {f"data/{row.path}" for row in manifest.files}
    for name in names:
        if name.startswith(FOOTAGE) and name not in listed:
            report.find(SEGMENTS, "file-unlisted", f"{name} is not in the manifest", path=name)
    for row in manifest.files:
        if not f"data/{row.path}".startswith(f"{FOOTAGE}{folder_of(row.stream)}/"):
            report.find(SEGMENTS, "package-manifest", f"{row.path} lies under another stream", path=row.path)
    if csv != manifest.csv():
        report.find(SEGMENTS, "manifest-csv", "manifest.csv says other than manifest.json")
