"""Pages for people: README, reports and forms, out of Jinja templates. Self-contained HTML, printable, no script."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape

from custody.export.gathered import Gathered
from custody.export.story import Story, Told
from custody.rules.finding import Article, Penalty
from custody.v1 import record_pb2
from custody.verifier.custody_audit.words import SEVERITY
from custody.verifier.package.commitments import Withheld
from custody.verifier.package.manifest import PackageManifest, show_times
from custody.verifier.report import names
from custody.verifier.report.citation import citation
from custody.verifier.web import read_page

_Cited = TypeVar("_Cited", Article, Penalty)
PAGES: Final = (
    "README.en.txt", "README.zh.txt", "reports/report.en.html", "reports/report.zh.html",
    "forms/extraction-record.zh.html", "forms/evidence-list.zh.html", "forms/retrieval-register.zh.html",
    "forms/certificate-902.en.html",
)  # fmt: skip
ENUMS: Final = {
    "AccessAct": names.ACT, "AccessPurpose": names.PURPOSE, "AccessorKind": names.ACCESSOR, "DocumentKind": names.DOCUMENT,
}  # fmt: skip
KINDS_ZH: Final = {
    "access": "使用（查看/查阅/调取/复制/提供/公开）", "access_request": "使用申请", "access_granted": "同意使用",
    "access_refused": "拒绝使用", "disposal": "处置", "hold_placed": "保全", "hold_released": "解除保全", "move": "迁移",
    "redaction": "脱敏处理", "publication": "公开", "package_exported": "导出证据包", "package_verified": "核验证据包",
    "disclosure_access": "查阅个人信息", "integrity_scan": "完整性复核", "gap": "中断", "fault": "故障",
    "recorder_configuration": "录像设备配置", "clock_check": "校时记录",
}  # fmt: skip
ACTS_ZH: Final = {1: "查看", 2: "查阅", 3: "调取", 4: "复制", 5: "提供", 6: "公开"}
STRETCH_ZH: Final = {
    "recorded": "已录像", "disposed": "已处置", "declared gap": "已说明的中断", "unexplained gap": "未说明的中断", "held": "保全中",
}  # fmt: skip


ABSENT_ZH: Final = {"not-found": "未找到", "altered": "与登记不符", "withheld-source": "以遮挡处理后的副本代替提供"}
ABSENT_EN: Final = {
    "not-found": "not found",
    "altered": "altered",
    "withheld-source": "a redacted copy is given instead",
}
FIELDS_ZH: Final = {
    "act": "方式", "accessor": "使用主体", "basis": "依据", "case_number": "案件编号", "caused_by": "原因", "configuration_sha256": "配置 SHA-256",
    "count": "数量", "derived_bytes": "副本大小", "derived_sha256": "副本 SHA-256", "derived_media_root": "副本媒体根", "detail": "说明",
    "document_sha256": "文件 SHA-256", "files": "文件数", "first": "自第几段", "last": "至第几段", "from": "起", "to": "止", "kind": "类别",
    "manifest_sha256": "清单 SHA-256", "media_root": "媒体根", "medium": "媒介", "name": "姓名", "opened_commitments": "所涉个人信息", "operator": "使用单位",
    "place": "地点", "product": "产品", "purpose": "用途", "reason": "事由", "recipient": "接收单位", "reference": "文号", "register_form_sha256": "登记表 SHA-256",
    "stream": "摄像机", "streams": "摄像机", "tool": "工具", "transform": "处理方式", "tree_size": "日志条目数", "unit": "单位", "version": "版本", "work_id": "工作证号",
    "record_id": "登记编号", "until": "至", "hold_id": "保全编号", "authority": "机关", "observed": "发现时间", "segments": "段数", "bytes": "字节数",
}  # fmt: skip


def render(
    gathered: Gathered, manifest: PackageManifest, story: Story, withheld: Sequence[Withheld]
) -> Iterator[tuple[str, bytes]]:
    """(name below `data/`, bytes) of every page."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    pages.filters["local"] = lambda at_us: _local(at_us, manifest.zone)
    pages.filters["utc"] = lambda at_us: show_times(at_us, manifest.zone)[0]
    pages.filters["cite"] = citation
    pages.filters["words"] = pass_context(lambda context, told: _words(told, context["zh"], manifest.zone))
    words = {
        "manifest": manifest, "request": gathered.request, "snapshot": gathered.snapshot, "story": story,
        "withheld": withheld, "kinds_zh": KINDS_ZH, "acts_zh": ACTS_ZH, "stretch_zh": STRETCH_ZH,
        "severity": SEVERITY, "operators": _operators(manifest, story), "absent_zh": ABSENT_ZH, "absent_en": ABSENT_EN,
        "articles": _cited(article for one in story.findings for article in one.articles),
        "penalties": _cited(penalty for one in story.findings for penalty in one.penalties),
        "total_bytes": sum(row.size_bytes for row in manifest.files),
    }  # fmt: skip
    for name in PAGES:
        yield name, pages.get_template(name.rpartition("/")[2]).render(words, zh=".zh." in name).encode()
    yield "verify.html", read_page()


def _cited(found: Iterable[_Cited]) -> list[_Cited]:
    """Each article or penalty once, in the order of the law."""
    once = {one.id: one for one in found}
    return [
        once[id_]
        for id_ in sorted(
            once, key=lambda id_: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", id_)]
        )
    ]


def _operators(manifest: PackageManifest, story: Story) -> str:
    """Who runs the sites of the package's streams, as the ledger has it: the register's unit where the exporter names none."""
    sites = (story.sites.get(one.stream.partition("/")[0]) for one in manifest.streams)
    return "、".join(dict.fromkeys(site.operator for site in sites if site is not None and site.operator))


def _words(told: Told, zh: bool, zone: str) -> str:  # noqa: FBT001  a filter of the templates
    """What a record says, field by field, in the page's language as far as there is a word."""
    return ("；" if zh else "; ").join(_word(*one, zh=zh, zone=zone) for one in told.words)


def _word(name: str, kind: str, value: Any, *, zh: bool, zone: str) -> str:
    shown = str(value)
    if kind == "time":
        shown = _local(value, zone)
    elif kind == "enum":
        words = ENUMS.get(value[0], {}).get(value[1])
        full = record_pb2.DESCRIPTOR.enum_types_by_name[value[0]].values_by_number[value[1]].name
        prefix = "".join(f"_{c}" if c.isupper() and at else c for at, c in enumerate(value[0])).upper() + "_"
        shown = (
            (words.zh if zh else words.en) if words is not None else full.removeprefix(prefix).lower().replace("_", " ")
        )
    label = FIELDS_ZH.get(name, name.replace("_", " ")) if zh else name.replace("_", " ")
    return f"{label}{'：' if zh else ': '}{shown}"


def _local(at_us: int, zone: str) -> str:
    """Without the offset, which every page names."""
    return show_times(at_us, zone)[1].replace("T", " ")[:23]
