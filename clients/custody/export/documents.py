"""Pages for people: README, reports and forms, out of Jinja templates. Self-contained HTML, printable, no script."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from custody.export.story import Story
from custody.verifier.package.commitments import Withheld
from custody.verifier.package.manifest import PackageManifest, show_times

if TYPE_CHECKING:
    from custody.export.content import Gathered

PAGES: Final = (
    "README.en.txt", "README.zh.txt", "reports/report.en.html", "reports/report.zh.html",
    "forms/extraction-record.zh.html", "forms/evidence-list.zh.html", "forms/retrieval-register.zh.html",
    "forms/certificate-902.en.html",
)  # fmt: skip
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


def render(
    gathered: "Gathered", manifest: PackageManifest, story: Story, withheld: Sequence[Withheld]
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
    words = {
        "manifest": manifest, "request": gathered.request, "snapshot": gathered.snapshot, "story": story,
        "withheld": withheld, "kinds_zh": KINDS_ZH, "acts_zh": ACTS_ZH, "stretch_zh": STRETCH_ZH,
        "total_bytes": sum(row.size_bytes for row in manifest.files),
    }  # fmt: skip
    for name in PAGES:
        yield name, pages.get_template(name.rpartition("/")[2]).render(words).encode()


def _local(at_us: int, zone: str) -> str:
    return show_times(at_us, zone)[1].replace("T", " ")
