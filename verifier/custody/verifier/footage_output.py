"""The report of a footage check for people and for programs (docs/spec/verification.md)."""

from collections.abc import Iterator
from typing import Any, Final

from custody.verifier.finding import Findings
from custody.verifier.footage_run import FootageReport
from custody.verifier.log_output import check_lines, checks_json, finding_json, finding_lines, printable, verdict_line
from custody.verifier.log_report import Status
from custody.verifier.texts import FILE_STATES, FOOTAGE_CHECKS, LINES

SCHEMA: Final = "custody.verify-footage/1"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:.1f} MB"


def footage_lines(report: FootageReport, lang: str) -> Iterator[str]:
    """The report as text. The lists are those of a person's screen; --json has all."""
    lines, words = LINES[lang], FILE_STATES[lang]
    yield f"{lines['footage']} {printable(report.folder)}"
    yield f"{lines['log']} {printable(report.log.origin)}: " + lines["verified"].format(verified=report.log.verified)
    yield "  " + lines["files"].format(
        files=report.files, size=_megabytes(report.hashed_bytes), segments=report.segments
    )
    if report.counts is not None:
        told = [(words.get(state, state), count) for state, count in report.counts._asdict().items() if count]
        told += [(words["ignored"], len(report.ignored))] if report.ignored else []
        yield "  " + " · ".join(f"{word} {count}" for word, count in told)
    for path in report.strangers:
        yield f"  {printable(path)}: a link or device, not followed"
    yield ""
    yield from check_lines(report.checks, FOOTAGE_CHECKS, lang)
    shown = Findings()
    for finding in report.findings.kept:
        shown.add(finding)
    yield from finding_lines(shown, lang)
    yield ""
    yield verdict_line(report.status, report.checks, lang)


def footage_json(report: FootageReport) -> dict[str, Any]:
    """The report as an object for JSON."""
    return {
        "schema": SCHEMA,
        "verdict": report.status.value,
        "exit_status": report.status.exit_status,
        "folder": report.folder,
        "log": {
            "origin": report.log.origin,
            "verdict": report.log.status.value,
            "size": report.log.size,
            "verified": report.log.verified,
            "trusted_keys": list(report.log.keys),
        },
        "files": report.files,
        "hashed_bytes": report.hashed_bytes,
        "segments": report.segments,
        "counts": report.counts._asdict() if report.counts is not None else None,
        "ignored": list(report.ignored),
        "not_followed": list(report.strangers),
        "checks": checks_json(report.checks, FOOTAGE_CHECKS),
        "not_checked": [one.number for one in report.checks if one.status is Status.NOT_CHECKED],
        "findings": [finding_json(finding) for finding in report.findings.kept],
        "omitted": report.findings.omitted(),
    }
