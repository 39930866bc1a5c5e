"""A package's report as text and as JSON (docs/spec/verification.md, "verify package")."""

from collections.abc import Iterator
from typing import Any, Final

import click

from custody.verifier.log_output import check_lines, checks_json, finding_json, finding_lines, printable, verdict_line
from custody.verifier.log_report import Status
from custody.verifier.package.container import NoPackage
from custody.verifier.package.derived import BroughtFile
from custody.verifier.package.report import DerivedCopy, PackageReport
from custody.verifier.package.texts import LINES, PACKAGE_CHECKS, signer_text
from custody.verifier.web import code_texts

SCHEMA: Final = "custody.verify-package/1"


def package_lines(report: PackageReport, lang: str) -> Iterator[str]:
    """The report for people."""
    lines = LINES[lang]
    yield f"{lines['package']} {printable(report.path)}"
    if report.nothing:
        yield f"  {click.style(lines['nothing'], fg='red', bold=True)}: {printable(_nothing(report, lang))} [{NoPackage.code}]"
        yield ""
        yield verdict_line(report.status, (), lang)
        return
    if report.formless:
        yield from finding_lines(report.findings, lang)
        yield f"  {lines['formless']}"
        yield ""
        yield verdict_line(report.status, (), lang)
        return
    yield f"  {lines['log']} {printable(report.log)} · {lines['case']} {printable(report.case_number)} · {lines['recipient']} {printable(report.recipient)}"
    yield "  " + lines["counts"].format(
        files=report.files, size=report.footage_bytes, absent=report.absent, entries=report.entries, tree=report.size
    )
    if report.trust != "none":
        weak = report.trust == "package"
        head = click.style(lines[f"trust_{report.trust}"], fg="yellow" if weak else None, bold=weak)
        yield from (f"  {head} {printable(key)}" for key in report.keys)
    yield from (f"  {lines['cosigned']} {printable(name)}" for name in report.cosigners)
    yield from (f"  {lines['signed']} {printable(signer_text(one, lang))}" for one in report.signers)
    yield from (f"  {lines['stamped']} {printable(stamp)}" for stamp in report.stamps)
    yield from (f"  {lines[limit]}" for limit in sorted(report.limits))
    if report.early:
        yield f"  {lines['early']} {report.early}"
    if report.sealed:
        yield f"  {lines['sealed']}: {report.sealed}"
    yield from (f"  {_derived(one, lang)}" for one in report.derived)
    yield from (f"  {_brought(one, lang)}" for one in report.brought)
    yield ""
    yield from check_lines(report.checks, PACKAGE_CHECKS, lang)
    yield from finding_lines(report.findings, lang)
    yield ""
    if report.absent:
        told = lines["kept_back"].format(absent=report.absent, all=report.absent + report.files)
        yield click.style(told, fg="yellow")
    yield verdict_line(report.status, report.checks, lang)


def _nothing(report: PackageReport, lang: str) -> str:
    title = code_texts()[NoPackage.code][lang]
    return report.nothing if lang == "en" else f"{title}（{report.nothing}）"


def _derived(one: DerivedCopy, lang: str) -> str:
    lines = LINES[lang]
    told = []
    for source, given in zip(one.row.sources, one.given, strict=True):
        where = lines["given"] if given else lines["asked"].format(index=one.row.index)
        told.append(f"{printable(source.stream)} {source.first}-{source.last} ({where})")
    return f"{printable(one.row.path)}: {lines['copy']}, {printable(one.row.transform)}; {'; '.join(told)}"


def _brought(one: BroughtFile, lang: str) -> str:
    lines = LINES[lang]
    ranges = "; ".join(
        lines["range"].format(stream=stream, number=number, first=first, last=first + count - 1)
        for stream, number, first, count in one.ranges
    )
    return f"{printable(one.path)}: {lines[one.state]} {ranges}".rstrip()


def package_json(report: PackageReport) -> dict[str, Any]:
    """The report for programs."""
    error = {"error": {"code": NoPackage.code, "message": report.nothing}} if report.nothing else {}
    return error | {
        "schema": SCHEMA,
        "verdict": report.status.value,
        "exit_status": report.status.exit_status,
        "package": report.path,
        "log": {"origin": report.log, "size": report.size},
        "case_number": report.case_number,
        "recipient": report.recipient,
        "trust": report.trust,
        "keys": list(report.keys),
        "cosigners": list(report.cosigners),
        "signers": list(report.signers),
        "time_stamps": list(report.stamps),
        "recorded_before": report.early,
        "sealed": report.sealed,
        "derived": [
            {
                "path": one.row.path,
                "index": one.row.index,
                "transform": one.row.transform,
                "tool": one.row.tool,
                "sources": [
                    {"stream": source.stream, "first": source.first, "last": source.last, "given": given}
                    for source, given in zip(one.row.sources, one.given, strict=True)
                ],
            }
            for one in report.derived
        ],
        "limits": sorted(report.limits),
        "files": report.files,
        "absent": report.absent,
        "footage_bytes": report.footage_bytes,
        "entries": report.entries,
        "footage": [
            {
                "path": one.path,
                "state": one.state,
                "ranges": [
                    {"stream": stream, "number": number, "first_unit": first, "units": count}
                    for stream, number, first, count in one.ranges
                ],
            }
            for one in report.brought
        ],
        "checks": checks_json(report.checks, PACKAGE_CHECKS),
        "not_checked": [one.number for one in report.checks if one.status is Status.NOT_CHECKED],
        "optional": sorted(report.optional),
        "findings": [finding_json(finding) for finding in report.findings.kept],
        "omitted": report.findings.omitted(),
    }
