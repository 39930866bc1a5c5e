"""The report of a log check for people and for programs (docs/spec/verification.md)."""

from collections.abc import Iterator
from typing import Any

import click

from custody.verifier.finding import Finding, Findings, Severity
from custody.verifier.log_report import OPTIONAL, Check, LogReport, Status
from custody.verifier.texts import LINES, LOG_CHECKS, REASONS_ZH, STATUS
from custody.verifier.web import code_texts

SCHEMA = "custody.verify-log/1"

_COLOURS = {Status.FINE: "green", Status.FINDINGS: "red", Status.NOT_CHECKED: "yellow"}


def styled(status: Status, lang: str) -> str:
    """The word for a status, coloured; click takes the colour out where there is no terminal."""
    return click.style(STATUS[lang][status], fg=_COLOURS[status], bold=status is not Status.FINE)


def check_lines(checks: tuple[Check, ...], names: Any, lang: str) -> Iterator[str]:
    """One line for each numbered check."""
    for check in checks:
        told = REASONS_ZH.get(check.reason or "", check.reason) if lang == "zh" else check.reason
        reason = f"{'：' if lang == 'zh' else ': '}{told}" if told else ""
        yield f"  {check.number:>2}  {names[lang][check.number]}: {styled(check.status, lang)}{reason}"


def finding_lines(findings: Findings, lang: str) -> Iterator[str]:
    """The findings, and how many did not fit."""
    if not findings.kept:
        return
    yield ""
    yield f"{LINES[lang]['findings']}:"
    for finding in findings.kept:
        mark = "i" if finding.severity is Severity.INFO else "!"
        yield f"  {mark} {finding.check}  {_titled(finding, lang)} [{finding.code}]"
    for code, count in findings.omitted().items():
        yield "    " + LINES[lang]["more"].format(count=count, code=code)


def _titled(finding: Finding, lang: str) -> str:
    """The message, which is English; for others behind what its code means in their language."""
    title = code_texts().get(finding.code) if lang != "en" else None
    return f"{title[lang]}（{finding.message}）" if title is not None else finding.message


def verdict_line(status: Status, checks: tuple[Check, ...], lang: str) -> str:
    """The last line: the verdict and, beside a good one, what was not looked at."""
    left = [str(check.number) for check in checks if check.status is Status.NOT_CHECKED]
    note = f" ({LINES[lang]['not_checked']}: {', '.join(left)})" if left and status is Status.FINE else ""
    return f"{LINES[lang]['verdict']}: {styled(status, lang)}{note}"


def log_lines(report: LogReport, lang: str) -> Iterator[str]:
    """The report as text."""
    lines = LINES[lang]
    yield f"{lines['log']} {printable(report.origin)}"
    yield "  " + lines["counts"].format(
        size=report.size,
        published=report.published,
        chains=report.chains,
        checkpoints=report.checkpoints,
        snapshots=report.snapshots,
    )
    yield "  " + lines["verified"].format(verified=report.verified)
    if report.keys:
        for key in report.keys:
            yield f"  {lines['key']} {key}"
    else:
        claimed = printable(report.claimed_keys[0][:120]) if report.claimed_keys else "-"
        yield "  " + click.style(lines["no_key"].format(claimed=claimed), fg="yellow", bold=True)
    yield ""
    yield from check_lines(report.checks, LOG_CHECKS, lang)
    yield from finding_lines(report.findings, lang)
    yield ""
    yield verdict_line(report.status, report.checks, lang)


def printable(text: str) -> str:
    """Text of a stranger without characters that could move the cursor or hide others."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def finding_json(finding: Finding) -> dict[str, Any]:
    """One finding; places that it does not have are left out."""
    found: dict[str, Any] = {
        "code": finding.code,
        "check": finding.check,
        "severity": finding.severity.value,
        "message": finding.message,
    }
    places = {"index": finding.index, "chain": finding.chain, "size": finding.size, "path": finding.path}
    return found | {name: value for name, value in places.items() if value is not None}


def checks_json(checks: tuple[Check, ...], names: Any) -> list[dict[str, Any]]:
    """The numbered checks."""
    return [
        {"number": one.number, "name": names["en"][one.number], "status": one.status.value}
        | ({"reason": one.reason} if one.reason else {})
        for one in checks
    ]


def log_json(report: LogReport) -> dict[str, Any]:
    """The report as an object for JSON."""
    return {
        "schema": SCHEMA,
        "verdict": report.status.value,
        "exit_status": report.status.exit_status,
        "log": {
            "origin": report.origin,
            "size": report.size,
            "published": report.published,
            "verified": report.verified,
            "checkpoints": report.checkpoints,
            "chains": report.chains,
            "snapshots": report.snapshots,
            "trusted_keys": list(report.keys),
            "claimed_keys": list(report.claimed_keys),
        },
        "checks": checks_json(report.checks, LOG_CHECKS),
        "not_checked": [one.number for one in report.checks if one.status is Status.NOT_CHECKED],
        "optional": sorted(OPTIONAL),
        "findings": [finding_json(finding) for finding in report.findings.kept],
        "omitted": report.findings.omitted(),
    }
