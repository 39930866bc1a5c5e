"""Drives the checks of a package in their order (docs/spec/verification.md, "verify package").

A check that cannot be made because an earlier one left nothing to hold it against stays *not checked*. No check opens
the network, follows a name out of the package, or decompresses anything.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cryptography.x509 import Certificate

from custody.core.checkpoint import Checkpoint
from custody.core.entry import ReadEntry
from custody.core.errors import CustodyError
from custody.core.record import ReadRecord
from custody.core.seal import SealKey
from custody.verifier.package import layout
from custody.verifier.package.bag import content_digest
from custody.verifier.package.bag_check import check_bag
from custody.verifier.package.certificate import CertificateTrust
from custody.verifier.package.checkpoint_check import LogTrust, check_growth, check_signatures
from custody.verifier.package.container import Container, NoPackage, PackageUnreadable, open_package
from custody.verifier.package.content_checks import DisclosureCheck, ExportCheck, check_proof_files
from custody.verifier.package.derived import Originals
from custody.verifier.package.derived_check import DerivedCheck
from custody.verifier.package.entry_pass import EntryPass
from custody.verifier.package.hashing import Progress
from custody.verifier.package.heads_check import check_ends, check_snapshot
from custody.verifier.package.log_part import parse_inclusion, parse_indexes, parse_slices
from custody.verifier.package.manifest import PackageManifest, parse_manifest
from custody.verifier.package.report import (
    BROUGHT,
    CHAINS,
    ENTRIES,
    FORM,
    SEALS,
    SEGMENTS,
    STAMPED,
    PackageReport,
)
from custody.verifier.package.segment_check import SegmentCheck, check_files
from custody.verifier.package.signer_check import RegisteredExporters, check_signer
from custody.verifier.package.stamp_check import StampTrust, check_stamps
from custody.verifier.seal_check import SealTally, check_slice

Bar = Callable[[str], AbstractContextManager[Progress | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePlan:
    """What the reader trusts and brings."""

    trust: LogTrust = field(default_factory=LogTrust)
    exporters: Sequence[SealKey] = ()
    certified: CertificateTrust = field(default_factory=CertificateTrust)
    tsa_roots: Sequence[Certificate] = ()
    since: Checkpoint | None = None
    """The checkpoint of this log that the reader remembers, signed by a key that he trusts."""
    footage: Sequence[Path] = ()
    workers: int = 1


def verify_package(path: Path, plan: PackagePlan, bar: Bar) -> PackageReport:
    """Checks a package. Raises PackageUnreadable when there is nothing to read; everything else is a finding."""
    report = PackageReport(path=str(path))
    try:
        container = open_package(path)
        manifest = parse_manifest(container.read(layout.PACKAGE_MANIFEST))
    except CustodyError as error:
        if isinstance(error, PackageUnreadable):
            raise
        if isinstance(error, NoPackage):
            report.nothing = str(error)
            return report
        report.caught(FORM, error)
        report.done.add(FORM)
        return report
    report.done.add(FORM)
    report.files, report.absent = len(manifest.files), len(manifest.absent)
    report.footage_bytes = sum(row.size_bytes for row in manifest.files)
    with bar("bytes") as progress:
        digests = check_bag(report, container, plan.workers, progress)
    report.log, report.case_number, report.recipient = manifest.log, manifest.case_number, manifest.recipient
    opened = check_signatures(report, container, plan.trust)
    check_stamps(report, container, StampTrust(roots=plan.tsa_roots, lists=plan.certified.lists), opened, plan.trust)
    if opened is not None:
        check_growth(report, container, opened, plan.trust, plan.since)
        _check_log(report, container, manifest, opened, digests, plan)
    _bring(report, container, manifest, digests, plan.footage)
    return report


def _check_log(
    report: PackageReport,
    container: Container,
    manifest: PackageManifest,
    opened: Checkpoint,
    digests: dict[str, bytes],
    plan: PackagePlan,
) -> None:
    """Checks 5 to 12, which stand on the entries."""
    try:
        slices = parse_slices(container.read(layout.SLICES))
        inclusion = parse_inclusion(container.read(layout.INCLUSION))
        indexes = parse_indexes(container.read(layout.INDEXES))
    except CustodyError as error:
        report.caught(ENTRIES, error)
        return
    if inclusion.size != opened.size:
        report.find(CHAINS, "inclusion-failed", f"the proofs are for {inclusion.size} entries, not {opened.size}")
    content = content_digest(digests)
    entries = EntryPass(report, opened, slices, inclusion)
    segments, exported = SegmentCheck(report, manifest, digests), ExportCheck(report, manifest, content)
    disclosed, exporters = DisclosureCheck(report, container), RegisteredExporters()
    derived = DerivedCheck(report, manifest, digests)
    snapshot: ReadRecord | None = None

    def passed(file: BinaryIO) -> Iterator[tuple[int, ReadEntry, ReadRecord]]:
        nonlocal snapshot
        for index, leaf, entry, record in entries.follow(file, indexes):
            segments.take(index, leaf, entry, record)
            exported.take(index, entry, record)
            disclosed.take(record, exported=exported.found)
            exporters.take(record)
            derived.take(index, record)
            if index == slices.snapshot:
                snapshot = record
            yield index, entry, record

    try:
        with container.open(layout.ENTRIES) as file:
            _tell_seals(report, check_slice(opened.origin, passed(file)))
    except CustodyError as error:
        report.caught(ENTRIES, error)
    entries.end()
    derived.end(list(container.places))
    segments.end()
    exported.end()
    disclosed.end()
    heads = check_snapshot(report, container, slices.snapshot, snapshot)
    if heads is not None:
        check_ends(report, segments.margins, heads, entries.states)
    try:
        check_files(report, manifest, list(container.places), container.read(layout.PACKAGE_CSV))
    except CustodyError as error:
        report.caught(SEGMENTS, error)
    check_proof_files(report, container, manifest, opened, segments.leaves)
    check_signer(report, container, manifest, content, plan.exporters, exporters, plan.certified, exported.at_us)
    if report.early and any(row.index >= report.early_size for row in manifest.files):
        report.early = ""
        report.find(STAMPED, "timestamp-late", "the early time stamp does not cover all footage of the package")


def _tell_seals(report: PackageReport, tally: SealTally) -> None:
    """Check 15, from what the pass over the entries found."""
    for one in tally.findings.kept:
        report.find(SEALS, one.code, one.message, index=one.index)
    report.sealed = tally.good
    report.done.add(SEALS)
    if not tally.good and tally.partial:
        report.unchecked[SEALS] = f"{len(tally.partial)} seals cover entries that are not in the package"
    elif not tally.good:
        report.unchecked[SEALS] = "no entry of the package is sealed by its source"


def _bring(
    report: PackageReport,
    container: Container,
    manifest: PackageManifest,
    digests: dict[str, bytes],
    footage: Sequence[Path],
) -> None:
    """Check 14: files that a party brings."""
    if not footage:
        report.unchecked[BROUGHT] = "no footage was brought"
        return
    if SEGMENTS in report.findings.checks or SEGMENTS not in report.done:
        report.unchecked[BROUGHT] = "the package's own footage is not proven, so nothing can be held against it"
        return
    report.done.add(BROUGHT)
    good = {f"data/{row.path}" for row in manifest.files if digests.get(f"data/{row.path}", b"").hex() == row.sha256}
    originals = Originals(container, manifest, frozenset(good))
    report.brought = tuple(originals.examine(path) for path in footage)
    for one in report.brought:
        if one.state in {"unknown", "unreadable"}:
            report.find(BROUGHT, f"footage-{one.state}", f"{one.path}: not from the segments of this package")
