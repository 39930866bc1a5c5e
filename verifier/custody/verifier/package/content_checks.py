"""Checks 9, 10 and 12: proof files, the export's own record, disclosures."""

from collections.abc import Mapping

from custody.core.checkpoint import Checkpoint
from custody.core.disclosure import check_disclosure
from custody.core.entry import ReadEntry
from custody.core.errors import CustodyError
from custody.core.proof import verify_inclusion
from custody.core.record import ReadRecord
from custody.core.tlog_proof import FILE_SUFFIX, MAX_TLOG_PROOF_BYTES, parse_tlog_proof
from custody.v1 import record_pb2
from custody.verifier.package import layout
from custody.verifier.package.commitments import commitments_of, parse_withheld
from custody.verifier.package.container import Container
from custody.verifier.package.manifest import PackageManifest
from custody.verifier.package.report import DISCLOSED, EXPORT, PROOF_FILES, PackageReport


def check_proof_files(
    report: PackageReport,
    container: Container,
    manifest: PackageManifest,
    opened: Checkpoint,
    leaves: Mapping[int, bytes],
) -> None:
    """Each proof file is of a listed segment, under the package's checkpoint."""
    names = container.below(layout.PROOFS)
    if not names:
        report.unchecked[PROOF_FILES] = "the package has no proof files; the slices prove the same"
        return
    report.done.add(PROOF_FILES)
    note = container.read(layout.CHECKPOINT)
    rows = {
        f"{layout.PROOFS}{layout.folder_of(row.stream)}/{row.number:08d}-{row.index}{FILE_SUFFIX}": row
        for row in manifest.files
    }
    for name in sorted(rows.keys() | set(names)):
        row = rows.get(name)
        try:
            proof = parse_tlog_proof(container.read(name, MAX_TLOG_PROOF_BYTES))
            leaf = leaves.get(row.index) if row is not None else None
            if row is None or leaf is None or proof.index != row.index or proof.checkpoint != note or proof.extra:
                report.find(PROOF_FILES, "proof-file-other", f"{name} proves something else", path=name)
                continue
            verify_inclusion(leaf, proof.index, opened.size, proof.hashes, opened.root)
        except CustodyError as error:
            report.caught(PROOF_FILES, error, path=name)


class ExportCheck:
    """Looks for the record of this export among the entries."""

    def __init__(self, report: PackageReport, manifest: PackageManifest, content: bytes) -> None:
        self._report = report
        self._manifest = manifest
        self._content = content
        self._found: ReadRecord | None = None
        named = [row.index for rows in (manifest.files, manifest.absent, manifest.derived) for row in rows]
        self._prepared = max(named, default=-1) < manifest.snapshot
        """Whether the content can have been prepared where and when the manifest says."""
        self.at_us = 0
        """When the ledger recorded this export; as long as no record of it was found, the stamp of the last entry."""

    @property
    def found(self) -> bool:
        """True from the record on: what comes later came after the content was made."""
        return self._found is not None

    def take(self, index: int, entry: ReadEntry, record: ReadRecord) -> None:
        """One entry; of any kind."""
        snapshot, prepared_us = self._manifest.snapshot, self._manifest.prepared_us
        if entry.sequenced_at_us > prepared_us if index < snapshot else entry.sequenced_at_us < prepared_us:
            self._prepared = False
        if self._found is not None:
            return
        self.at_us = entry.sequenced_at_us
        if record.kind.name == "package_exported" and record.body.manifest_sha256 == self._content:
            self._found = record

    def end(self) -> None:
        """It is there, and says what the manifest says."""
        self._report.done.add(EXPORT)
        if self._found is None:
            self._report.find(EXPORT, "export-unrecorded", "the log has no record of exporting exactly this content")
            return
        body, manifest = self._found.body, self._manifest
        told = (body.case_number, body.recipient, body.files, body.tree_size, self._found.at_us)
        said = (
            manifest.case_number, manifest.recipient, len(manifest.files), manifest.snapshot + 1, manifest.prepared_us,
        )  # fmt: skip
        spans = [(span.stream, span.from_us, span.to_us) for span in body.spans]
        if told != said or spans != [(row.stream, row.from_us, row.to_us) for row in manifest.streams]:
            self._report.find(EXPORT, "export-differs", "the record of the export says other than the manifest")
        elif not self._prepared:
            self._report.find(EXPORT, "export-differs", "the manifest was not prepared where and when it says")


class DisclosureCheck:
    """Holds what is disclosed and what is withheld against the commitments in the entries."""

    def __init__(self, report: PackageReport, container: Container) -> None:
        self._report = report
        self._container = container
        self._committed: set[bytes] = set()
        self._told_given: set[bytes] = set()

    def take(self, record: ReadRecord, *, exported: bool) -> None:
        """One entry; `exported`: the ledger had recorded this export by then, so the content could not know of it."""
        if not exported:
            self._committed.update(commitment for _, commitment in commitments_of(record))
        elif record.kind.name == "disclosure_access" and record.body.act == record_pb2.DISCLOSURE_ACT_EXPORTED:
            self._told_given.update(record.body.opened_commitments)

    def end(self) -> None:
        """Every disclosure opens a commitment, and every commitment is opened or named as withheld."""
        self._report.done.add(DISCLOSED)
        opened: set[bytes] = set()
        for name in self._container.below(layout.DISCLOSURES):
            commitment = name.removeprefix(layout.DISCLOSURES)
            try:
                raw = self._container.read(name)
                check_disclosure(raw, bytes.fromhex(commitment) if len(commitment) == 64 else b"")
                opened.add(bytes.fromhex(commitment))
            except ValueError:
                self._report.find(DISCLOSED, "disclosure-mismatch", f"{name} is named by no commitment", path=name)
            except CustodyError as error:
                self._report.caught(DISCLOSED, error, path=name)
        try:
            withheld = {row.commitment for row in parse_withheld(self._container.read(layout.WITHHELD))}
        except CustodyError as error:
            self._report.caught(DISCLOSED, error, path=layout.WITHHELD)
            return
        if opened - self._told_given:
            count = len(opened - self._told_given)
            self._report.find(
                DISCLOSED, "disclosure-unrecorded", f"the log does not record that {count} of them were given"
            )
        for stray in opened - self._committed:
            self._report.find(DISCLOSED, "disclosure-stray", f"no entry commits to {stray.hex()[:16]}")
        closed = {one.hex() for one in self._committed - opened}
        if closed != withheld:
            self._report.find(DISCLOSED, "withheld-differs", "withheld.json does not list what is withheld")
