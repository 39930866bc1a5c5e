"""Renders a custody audit as one HTML file.

No script, no image, no font, nothing from outside; the content security policy forbids connections and allows the one
style sheet by its hash. Texts of the log are escaped by the template engine. The language switch is two radio buttons.
"""

import re
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib import resources
from itertools import groupby
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from custody.rules import Finding, Severity, StretchKind, Subject, timeline
from custody.verifier.custody_audit.result import CustodyAudit
from custody.verifier.custody_audit.words import SEVERITY, SUBJECT, verdict_word
from custody.verifier.custody_audit.zone import Zone
from custody.verifier.finding import Finding as LogFinding
from custody.verifier.log_report import Status
from custody.verifier.report.cover import cover, sites_of
from custody.verifier.report.names import Words
from custody.verifier.report.register_rows import register_rows
from custody.verifier.report.retention_rows import retention_rows
from custody.verifier.report.timeline_svg import KINDS, axis_of, draw
from custody.verifier.texts import FILE_STATES, LOG_CHECKS, REASONS_ZH, STATUS

MAX_FINDINGS: Final = 2_000
"""Findings that are printed: some hundred pages. --json has all."""
MAX_REGISTER: Final = 5_000
MAX_OTHER: Final = 200

_KIND_WORDS: Final = {
    StretchKind.RECORDED: Words("recorded", "已录像"),
    StretchKind.DISPOSED: Words("disposed of", "已处置"),
    StretchKind.DECLARED_GAP: Words("declared gap", "已说明的中断"),
    StretchKind.UNEXPLAINED_GAP: Words("unexplained gap", "未说明的中断"),
    StretchKind.HELD: Words("held", "保全"),
}
_SIGNERS: Final = (
    Words("Inspector", "检查人员"),
    Words("Inspector", "检查人员"),
    Words("Operator of the system", "使用单位负责人"),
    Words("Witness", "见证人"),
)


def render_page(audit: CustodyAudit, *, lang: str, zone: Zone) -> str:
    """The whole file; `lang` is the language that it opens in."""
    folder = resources.files("custody.verifier.report") / "templates"
    style = (folder / "report.css").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["anchor"] = _anchor
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    return template.render(
        audit=audit,
        lang=lang,
        zone=zone,
        style=_Plain(style),
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
        words={"status": STATUS, "severity": SEVERITY, "checks": LOG_CHECKS},
        checks=audit.log.checks,
        reasons=REASONS_ZH,
        sites=sites_of(audit, zone),
        not_checked_status=Status.NOT_CHECKED,
        signers=_SIGNERS,
        **cover(audit, zone),
        **_summary(audit),
        **_findings(audit, zone),
        **_coverage(audit, zone),
        **_register(audit, zone),
        retention=retention_rows(audit, zone),
    )


class _Plain(str):
    """Text of ours that goes into the page as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def _anchor(text: str) -> str:
    return "a-" + re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")


def _summary(audit: CustodyAudit) -> dict[str, Any]:
    count = Counter(finding.severity for finding in audit.findings)
    by_code: dict[str, list[Finding]] = defaultdict(list)
    for finding in audit.findings:
        by_code[finding.code].append(finding)
    rows = [
        {
            "code": code,
            "verdict": Words(verdict_word(found[0].verdict, "en"), verdict_word(found[0].verdict, "zh")),
            "severity": max(one.severity for one in found),
            "count": len(found),
            "subjects": len({one.subject for one in found}),
        }
        for code, found in by_code.items()
    ]
    other = list(_other(audit))
    return {
        "severities": [{"severity": one, "count": count[one]} for one in sorted(Severity, reverse=True)],
        "by_code": sorted(rows, key=lambda row: (-row["severity"], -row["count"], row["code"])),
        "other_findings": other[:MAX_OTHER],
        "other_more": max(0, len(other) - MAX_OTHER),
        "footage_states": _footage_states(audit),
    }


def _other(audit: CustodyAudit) -> Iterator[LogFinding]:
    yield from audit.log.findings.kept
    if audit.footage is not None:
        yield from audit.footage.findings.kept


def _footage_states(audit: CustodyAudit) -> list[tuple[Words, int]]:
    if audit.footage is None:
        return []
    return [
        (Words(FILE_STATES["en"].get(state, state), FILE_STATES["zh"].get(state, state)), count)
        for state, count in audit.footage.counts._asdict().items()
        if count
    ]


def _findings(audit: CustodyAudit, zone: Zone) -> dict[str, Any]:
    gravest = sorted(audit.findings, key=lambda one: -one.severity)[:MAX_FINDINGS]
    shown = sorted(gravest, key=lambda one: (one.subject, -one.severity, one.order()))
    return {
        "groups": [
            (_subject(subject), [_finding(one, zone) for one in group])
            for subject, group in groupby(shown, lambda one: one.subject)
        ],
        "shown": len(shown),
        "left_out": len(audit.findings) - len(shown),
        "articles": _cited(article for one in shown for article in one.articles),
        "penalties": _cited(penalty for one in shown for penalty in one.penalties),
    }


def _cited(found: Iterable[Any]) -> list[Any]:
    return sorted({one.id: one for one in found}.values(), key=lambda one: str(one.id))


def _subject(subject: Subject) -> Words:
    return Words(*[f"{SUBJECT[lang][subject.kind]} {subject.name}".rstrip() for lang in ("en", "zh")])


def _finding(one: Finding, zone: Zone) -> dict[str, Any]:
    begin_us, end_us = one.period_us
    return {
        "severity": one.severity.name.lower(),
        "level": one.severity,
        "text": Words(one.en, one.zh),
        "when": [zone.show(begin_us)] if begin_us == end_us else [f"{zone.show(begin_us)} –", zone.show(end_us)],
        "verdict": Words(verdict_word(one.verdict, "en"), verdict_word(one.verdict, "zh")),
        "code": one.code,
        "indexes": ", ".join(map(str, one.indexes)),
        "articles": [article.id for article in one.articles],
        "penalties": [penalty.id for penalty in one.penalties],
    }


def _coverage(audit: CustodyAudit, zone: Zone) -> dict[str, Any]:
    stretches = {name: timeline(audit.state, name, audit.at_us) for name in audit.streams()}
    axis = axis_of(stretches.values(), audit.at_us, audit.scope.from_us, audit.scope.to_us)
    if axis is None:
        return {"rows": [], "ticks": [], "legend": [], "period": "—"}
    rows = []
    for name, row in stretches.items():
        drawn = draw(row, axis)
        words = {kind.value.replace(" ", "-"): text for kind, text in _KIND_WORDS.items()}
        rows.append(
            {
                "name": name,
                "drawn": drawn,
                "shares": {one.name: one.share for one in drawn},
                "en": ", ".join(f"{words[one.name].en} {one.share} %" for one in drawn),
                "zh": "，".join(f"{words[one.name].zh} {one.share}%" for one in drawn),
            }
        )
    return {
        "rows": rows,
        "ticks": axis.ticks(zone),
        "legend": [{"name": kind.value.replace(" ", "-"), "words": _KIND_WORDS[kind]} for kind in KINDS],
        "period": f"{zone.show(axis.from_us)} – {zone.show(axis.to_us)} ({zone.name})",
    }


def _register(audit: CustodyAudit, zone: Zone) -> dict[str, Any]:
    rows = list(register_rows(audit, zone))
    return {"register": rows[-MAX_REGISTER:], "register_more": max(0, len(rows) - MAX_REGISTER)}
