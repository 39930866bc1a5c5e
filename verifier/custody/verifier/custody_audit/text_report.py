"""A custody audit as text for a terminal: findings by subject, each with its articles, then what was not checked."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Final

import click

from custody.rules import Finding, Severity, Subject
from custody.verifier.custody_audit.result import CustodyAudit
from custody.verifier.custody_audit.words import LINES, SEVERITY, SUBJECT, verdict_word
from custody.verifier.custody_audit.zone import Zone
from custody.verifier.log_output import finding_lines, printable, styled
from custody.verifier.report.citation import citation
from custody.verifier.texts import FILE_STATES

SHOWN_OF_ONE_CODE: Final = 5
"""Findings of one code and subject on a screen."""
_COLOURS: Final = {Severity.CRITICAL: "red", Severity.MAJOR: "red", Severity.MINOR: "yellow", Severity.INFO: None}


def audit_lines(audit: CustodyAudit, lang: str, zone: Zone) -> Iterator[str]:
    """The report."""
    lines = LINES[lang]
    yield f"{lines['log']} {printable(audit.log.origin)}"
    yield "  " + lines["judged"].format(judged=audit.judged, at=zone.show(audit.at_us), zone=zone.name)
    yield "  " + lines["cameras"].format(sites=len(audit.sites()), streams=len(audit.streams()))
    for key in audit.log.keys:
        yield f"  {lines['key']} {key}"
    yield f"  {lines['log_status']}: {styled(audit.log_status, lang)}"
    if audit.footage is not None:
        counts = audit.footage.counts._asdict().items()
        words = FILE_STATES[lang]
        told = " · ".join(f"{words.get(state, state)} {count}" for state, count in counts if count)
        yield f"  {lines['footage']}: {told or lines['none']}"
    yield from _findings(audit, lang, zone)
    yield from _penalties(audit, lang)
    if audit.log.findings.kept:
        yield ""
        yield f"{lines['log_findings']}:"
        yield from list(finding_lines(audit.log.findings, lang))[2:]
    if audit.footage is not None:
        yield from finding_lines(audit.footage.findings, lang)
    yield ""
    yield f"{lines['not_checked']}:"
    for row in audit.unchecked:
        yield f"  - {row.zh if lang == 'zh' else row.en}"
    yield ""
    yield f"{lines['verdict']}: {styled(audit.status, lang)}"


def _findings(audit: CustodyAudit, lang: str, zone: Zone) -> Iterator[str]:
    lines = LINES[lang]
    yield ""
    count = Counter(finding.severity for finding in audit.findings)
    told = " · ".join(f"{SEVERITY[lang][one]} {count[one]}" for one in sorted(count, reverse=True))
    yield f"{lines['findings']}: {told or lines['none']}"
    for subject, group in groupby(audit.findings, lambda finding: finding.subject):
        yield ""
        yield f"  {subject_name(subject, lang)}"
        yield from _group(list(group), lang, zone)


def _penalties(audit: CustodyAudit, lang: str) -> Iterator[str]:
    """What the articles threaten, each once, by the article that it stands in."""
    lines = LINES[lang]
    named = {penalty.id: penalty for finding in audit.findings for penalty in finding.penalties}
    if named:
        yield ""
        yield f"{lines['penalties']}:"
    for penalty in sorted(named.values(), key=lambda one: one.id):
        law = getattr(citation(penalty.id), lang)
        mark = "" if penalty.quoted else lines["paraphrase"]
        yield f"  {penalty.id}  {law}{mark}{lines['colon']}{penalty.zh if lang == 'zh' else penalty.en}"


def _group(findings: list[Finding], lang: str, zone: Zone) -> Iterator[str]:
    shown: Counter[str] = Counter()
    for finding in sorted(findings, key=lambda one: -one.severity):
        shown[finding.code] += 1
        if shown[finding.code] <= SHOWN_OF_ONE_CODE:
            yield from _finding(finding, lang, zone)
    for code, count in shown.items():
        if count > SHOWN_OF_ONE_CODE:
            yield "    " + LINES[lang]["more"].format(count=count - SHOWN_OF_ONE_CODE, code=code)


def _finding(finding: Finding, lang: str, zone: Zone) -> Iterator[str]:
    colour = _COLOURS[finding.severity]
    severity = click.style(SEVERITY[lang][finding.severity], fg=colour, bold=colour == "red")
    text = finding.zh if lang == "zh" else finding.en
    yield f"    {severity}  {printable(text)} [{finding.code}]"
    begin_us, end_us = finding.period_us
    when = zone.show(begin_us) if begin_us == end_us else f"{zone.show(begin_us)} – {zone.show(end_us)}"
    about = [when, verdict_word(finding.verdict, lang)]
    if finding.indexes:
        about.append(f"{LINES[lang]['entries']} {', '.join(map(str, finding.indexes))}")
    if finding.articles:
        about.append(", ".join(article.id for article in finding.articles))
    about += [f"{LINES[lang]['penalty']} {penalty.id}" for penalty in finding.penalties]
    yield f"      {' · '.join(about)}"


def subject_name(subject: Subject, lang: str) -> str:
    """A subject for people."""
    return f"{SUBJECT[lang][subject.kind]} {subject.name}".rstrip()
