"""Words of the custody audit in English and Chinese; those of the law where the law has one."""

from collections.abc import Mapping
from typing import Final

from custody.rules import Severity, Verdict

SEVERITY: Final[Mapping[str, Mapping[Severity, str]]] = {
    "en": {Severity.INFO: "fact", Severity.MINOR: "minor", Severity.MAJOR: "major", Severity.CRITICAL: "critical"},
    "zh": {Severity.INFO: "事实", Severity.MINOR: "轻微", Severity.MAJOR: "较重", Severity.CRITICAL: "严重"},
}

VERDICT_ZH: Final[Mapping[Verdict, str]] = {
    Verdict.PRESENT: "存在",
    Verdict.ALTERED: "被改动",
    Verdict.MISSING: "缺失",
    Verdict.DISPOSED_LAWFULLY: "依法处置",
    Verdict.DISPOSED_EARLY: "提前处置",
    Verdict.OVER_RETAINED: "超期保存",
    Verdict.INSERTED_LATE: "迟后登记",
    Verdict.DERIVED: "派生副本（非逐位一致）",
    Verdict.NOT_CHECKED: "未检查",
    Verdict.GAP_EXPLAINED: "中断已说明",
    Verdict.GAP_UNEXPLAINED: "中断未说明",
    Verdict.CLOCK_SUSPECT: "时钟可疑",
    Verdict.REGISTER_INCOMPLETE: "登记不全",
    Verdict.UNDER_TWO_OFFICERS: "不足二人",
    Verdict.NO_CERTIFYING_DOCUMENT: "无证明文件",
    Verdict.NO_AUTHORISATION: "未经授权",
    Verdict.ACCESS_DURING_HOLD: "保全期间使用",
    Verdict.FILING_LATE: "备案逾期",
    Verdict.FILING_MISMATCH: "备案不符",
    Verdict.DUTY: "未见履行记录",
    Verdict.LOG: "日志",
}

SUBJECT: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"log": "the log", "site": "site", "stream": "camera"},
    "zh": {"log": "日志", "site": "场所", "stream": "摄像机"},
}

LINES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "log": "Custody audit of the log",
        "judged": "{judged} entries judged, as of {at} ({zone})",
        "continued": "{new} of them are new since the audit of {when}",
        "cameras": "{sites} sites, {streams} cameras",
        "key": "trusted key",
        "checkpoint": "checkpoint {size} {root}",
        "log_status": "the log itself",
        "findings": "Findings",
        "none": "none",
        "more": "... and {count} more of {code}; --json and --html have all",
        "entries": "entries",
        "penalties": "Penalties of these articles",
        "paraphrase": " (paraphrase)",
        "colon": ": ",
        "not_checked": "Not checked",
        "articles": "articles",
        "penalty": "penalty",
        "verdict": "Verdict",
        "footage": "footage",
        "log_findings": "Findings on the log itself (in English)",
        "written": "report written to {path}; SHA-256 {digest}",
    },
    "zh": {
        "log": "保管核查，日志",
        "judged": "评判登记 {judged} 条，评判时点 {at}（{zone}）",
        "continued": "其中 {new} 条为 {when} 核查后新增",
        "cameras": "场所 {sites} 处，摄像机 {streams} 路",
        "key": "受信任的公钥",
        "checkpoint": "检查点 {size} {root}",
        "log_status": "日志本身",
        "findings": "发现",
        "none": "无",
        "more": "…… 另有 {count} 项 {code}；--json 与 --html 含全部",
        "entries": "登记条目",
        "penalties": "上述条款的处罚规定",
        "paraphrase": "（大意）",
        "colon": "：",
        "not_checked": "未检查",
        "articles": "条款",
        "penalty": "处罚幅度",
        "verdict": "结论",
        "footage": "录像",
        "log_findings": "日志本身的问题（英文）",
        "written": "报告已写入 {path}；SHA-256 {digest}",
    },
}


def verdict_word(verdict: Verdict, lang: str) -> str:
    """The word of DESIGN's closed vocabulary, in the reader's language."""
    return VERDICT_ZH[verdict] if lang == "zh" else verdict.value
