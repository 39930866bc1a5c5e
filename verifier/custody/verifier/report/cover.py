"""The first page of the report: which log, proven how, judged when, under which rules, for which sites."""

from dataclasses import dataclass
from typing import Any, Final

from custody.verifier.custody_audit.result import CustodyAudit
from custody.verifier.custody_audit.zone import Zone
from custody.verifier.log_report import Status
from custody.verifier.report.names import Words

_SENTENCES: Final = {
    Status.FINE: Words(
        "The log is unbroken under the signed checkpoint below, and no rule found fault with it, as far as it was checked.",
        "日志在下列已签名检查点之下完整无缺；在已检查的范围内，未发现违反规则的情况。",
    ),
    Status.FINDINGS: Words(
        "Something was checked and is not as it should be. Section 3 names each finding with its entries and articles.",
        "已检查的内容中存在问题。第 3 节逐项列出发现、相关登记条目和条款。",
    ),
    Status.NOT_CHECKED: Words(
        "Nothing wrong was found, but not everything that had to be checked could be checked. Section 2 says what.",
        "未发现问题，但有应当检查的内容未能检查，见第 2 节。",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """What is known of one site."""

    name: str
    title: str
    operator: str
    authority: str
    filing: str
    profiles: tuple[str, ...]
    cameras: int


def cover(audit: CustodyAudit, zone: Zone) -> dict[str, Any]:
    """What the template's first page wants."""
    return {
        "sentence": _SENTENCES[audit.status],
        "scope": _scope(audit, zone),
        "profiles": _profiles(audit),
        "checkpoint": audit.log.verified_note.decode("utf-8", "replace").strip(),
    }


def _scope(audit: CustodyAudit, zone: Zone) -> Words:
    scope = audit.scope
    names = ", ".join([*sorted(scope.sites), *sorted(scope.streams)])
    en, zh = (names, names) if names else ("the whole log", "整个日志")
    if scope.from_us:
        en, zh = f"{en}; from {zone.show(scope.from_us)}", f"{zh}；自 {zone.show(scope.from_us)}"
    if scope.to_us is not None:
        en, zh = f"{en}; before {zone.show(scope.to_us)}", f"{zh}；至 {zone.show(scope.to_us)} 前"
    return Words(en, zh)


def _profiles(audit: CustodyAudit) -> list[Words]:
    """Profiles that bind anybody in scope, with the first digits of the digest of their data."""
    names = list(audit.state.base)
    for site in audit.sites():
        for note in audit.state.sites[site].notes:
            if note.kind == "site_registered":
                names += note.body.profiles
    for stream in audit.streams():
        for note in audit.state.streams[stream].notes:
            if note.kind in {"stream_registered", "stream_changed"}:
                names += note.body.description.profiles
    known = audit.state.library.profiles
    found = {name.partition(":")[0]: None for name in names}
    return [
        Words(f"{known[name].title_en} ({mark})", f"{known[name].title_zh}（{mark}）")
        for name in found
        if name in known and (mark := f"{name}, {known[name].digest.hex()[:8]}")
    ]


def sites_of(audit: CustodyAudit, zone: Zone) -> list[SiteRow]:
    """Sites of the scope; of several registrations or filings the last one counts."""
    rows = []
    cameras = audit.streams()
    for name in audit.sites():
        registered: Any = None
        filing = ""
        for note in audit.state.sites[name].notes:
            if note.kind == "site_registered":
                registered = note.body
            elif note.kind == "filing":
                filing = note.body.filing_number or zone.show(note.at_us)[:10]
        rows.append(
            SiteRow(
                name=name,
                title=registered.title if registered is not None else "",
                operator=registered.operator if registered is not None else "",
                authority=registered.supervising_authority if registered is not None else "",
                filing=filing,
                profiles=tuple(registered.profiles) if registered is not None else (),
                cameras=sum(1 for camera in cameras if audit.state.streams[camera].site == name),
            )
        )
    return rows
