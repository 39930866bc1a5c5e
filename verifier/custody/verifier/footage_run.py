"""Drives `verify footage`: checks the log, finds and hashes the files, compares."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from custody.core.errors import CustodyError
from custody.verifier.audit_run import AuditPlan, Progress, audit_log
from custody.verifier.finding import Finding, Findings
from custody.verifier.footage_audit import (
    IN_TIME,
    KNOWN,
    LOG,
    MAX_LISTED,
    THERE,
    UNALTERED,
    Disposed,
    FootageAudit,
    FootageCounts,
)
from custody.verifier.footage_fact import SegmentFact
from custody.verifier.footage_files import FoundFile, HashedFile, Tree, hash_files, walk
from custody.verifier.log_report import Check, LogReport, Status, overall
from custody.verifier.near_names import near

FOOTAGE_SUFFIXES: Final = frozenset((
    ".264", ".265", ".avi", ".dav", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4s", ".m4v", ".mkv", ".mov", ".mp4",
    ".mpeg", ".mpg", ".mts", ".ps", ".ts", ".webm", ".wmv",
))  # fmt: skip
"""Endings by which a file that no entry names is footage that nobody recorded, and not a note beside the footage."""
_SHOWN: Final = 3
Bar = Callable[[str], AbstractContextManager[Progress | None]]
"""Opens a progress bar of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FootageReport:
    """What was found about the files of a folder."""

    folder: str
    log: LogReport
    counts: FootageCounts | None
    """None when no file was compared."""
    files: int
    hashed_bytes: int
    segments: int
    ignored: tuple[str, ...]
    """Files that are not footage by name and of no recorded segment's size; not read."""
    strangers: tuple[str, ...]
    """Symbolic links and the like; not followed."""
    checks: tuple[Check, ...]
    findings: Findings

    @property
    def status(self) -> Status:
        """The status of the whole."""
        return overall({check.number: check.status for check in self.checks})


class NoFolderError(CustodyError):
    """The footage folder cannot be read."""

    code = "folder-unreadable"


def audit_footage(
    folder: Path,
    plan: AuditPlan,
    *,
    streams: Sequence[str] = (),
    late_us: int,
    bar: Bar,
) -> FootageReport:
    """Checks the log of `plan`, then the files of `folder` against it.

    `streams`: only these; none: all. `bar` opens a progress bar for each stage. Raises NoFolderError, and what `audit_log` raises.
    """
    try:
        tree = walk(folder)
    except OSError as error:
        raise NoFolderError(f"{folder}: {error.strerror}") from error
    with bar("entries") as progress:
        log = audit_log(plan, progress)
    findings = Findings(limit=MAX_LISTED)
    _tell_of_log(log, findings)
    facts = [fact for fact in log.segments if fact.index < log.verified]
    if not log.verified:
        reason = "no entry of the log is under a verified checkpoint"
        return _report(folder, log, tree, findings, reason=reason)
    unmet = _unmet(facts, streams)
    chosen = [fact for fact in facts if not streams or fact.stream in streams]
    wanted, ignored = sort_out(tree.files, facts, chosen, narrowed=bool(streams))
    with bar("bytes") as progress:
        hashed = {file.path: file for file in hash_files(folder, wanted, plan.workers, progress)}
    audit = FootageAudit(hashed, Disposed(one for one in log.disposals if one.index < log.verified), late_us)
    audit.look_for_repeated(chosen)
    audit.compare(chosen, facts)
    audit.look_for_unknown(sorted(hashed), {fact.sha256: fact.stream for fact in facts})
    findings.merge(audit.findings)
    return _report(
        folder, log, tree, findings, audit=audit, hashed=hashed, segments=len(chosen), ignored=ignored, reason=unmet
    )


def _unmet(facts: Sequence[SegmentFact], streams: Sequence[str]) -> str | None:
    """Why what was asked for could not be compared, or not all of it: no silence of the log is a fine check."""
    known = {fact.stream for fact in facts}
    for stream in streams:
        if stream not in known:
            like = near(stream, known)
            return f"the log has no footage of {stream}" + (f"; did you mean {' or '.join(like)}?" if like else "")
    return None if facts else "the log has no footage"


def _tell_of_log(log: LogReport, findings: Findings) -> None:
    told = list(log.findings.blaming())
    for finding in told[:_SHOWN]:
        findings.add(finding._replace(check=LOG, message=f"log: {finding.message}"))
    if len(told) > _SHOWN:
        message = f"the log has {len(told)} findings; see: custody verify log"
        findings.add(Finding("log-findings", LOG, message))


def sort_out(
    files: Sequence[FoundFile], facts: Sequence[SegmentFact], chosen: Sequence[SegmentFact], *, narrowed: bool
) -> tuple[list[FoundFile], tuple[str, ...]]:
    """The files to read, and the names of those that are no footage.

    With chosen streams, only the folders count in which the log places their segments, so that other streams' files are
    not called unknown.
    """
    paths = {fact.path for fact in facts if fact.path}
    sizes = {fact.size_bytes for fact in chosen}
    folders = {fact.path.rpartition("/")[0] for fact in chosen if fact.path}
    wanted: list[FoundFile] = []
    ignored: list[str] = []
    for file in files:
        folder, _, name = file.path.rpartition("/")
        if narrowed and folder not in folders and file.size_bytes not in sizes:
            continue
        dot = name.rfind(".")
        if file.path in paths or file.size_bytes in sizes or (dot > 0 and name[dot:].lower() in FOOTAGE_SUFFIXES):
            wanted.append(file)
        else:
            ignored.append(file.path)
    return wanted, tuple(ignored)


def _report(
    folder: Path,
    log: LogReport,
    tree: Tree,
    findings: Findings,
    *,
    audit: FootageAudit | None = None,
    hashed: dict[str, HashedFile] | None = None,
    segments: int = 0,
    ignored: tuple[str, ...] = (),
    reason: str | None = None,
) -> FootageReport:
    def check(number: int) -> Check:
        if number in findings.checks:
            return Check(number=number, status=Status.FINDINGS)
        if number == LOG and log.status is Status.NOT_CHECKED:
            return Check(number=number, status=Status.NOT_CHECKED, reason="the log could not be checked in full")
        if number != LOG and reason is not None:
            return Check(number=number, status=Status.NOT_CHECKED, reason=reason)
        if number == UNALTERED and audit is not None and audit.unreadable:
            return Check(number=number, status=Status.NOT_CHECKED, reason=f"{audit.unreadable} files could not be read")
        return Check(number=number, status=Status.FINE)

    read = hashed or {}
    return FootageReport(
        folder=str(folder),
        log=log,
        counts=audit.counts() if audit is not None else None,
        files=len(tree.files),
        hashed_bytes=sum(file.size_bytes for file in read.values()),
        segments=segments,
        ignored=ignored,
        strangers=tuple(tree.strangers),
        checks=tuple(check(number) for number in (LOG, THERE, UNALTERED, KNOWN, IN_TIME)),
        findings=findings,
    )
