"""What is done at a desk: a table of commands, each with the kind of record that it makes and what it fixes in it.

A command that fixes a field (`access copy` fixes `act`) does not take it from the form: one fact has one way to be told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from custody.core.kinds import KINDS

_ID: Final = {"type": "string", "format": "uuid"}
_CHOOSING: Final[Mapping[str, Mapping[str, Any]]] = {
    "records": {"type": "array", "items": _ID},
    "persons": {"type": "array", "items": {"type": "object"}, "x-personal": True},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One command. `fixed` are form values by key; `silent` further keys that a person at a desk never says."""

    name: str
    kind: str
    en: str
    zh: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset({"site"})
    """Required by the record, found out by the desk where the form does not say it."""
    extra_schema: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Keys that the record does not have and the desk turns into others."""

    @property
    def hidden(self) -> frozenset[str]:
        """Keys that its form does not have."""
        return self.silent | frozenset(self.fixed)

    @property
    def of_site(self) -> bool:
        """True when its record is about a site, or about one where it names no streams."""
        return KINDS[self.kind].family in {"site", "either"}

    def summary(self, lang: str) -> str:
        """What it does, in one line."""
        return self.zh if lang == "zh" else self.en


def _act(name: str, record: str, en: str, zh: str, *silent: str, **fixed: Any) -> Act:
    return Act(name=name, kind=record, en=en, zh=zh, fixed=fixed, silent=frozenset(silent))


def _access(act: str, en: str, zh: str) -> Act:
    return _act(f"access {act}", "access", en, zh, "observed", act=act)


_DISCLOSE: Final = Act(
    name="disclose",
    kind="disclosure_access",
    en="Read or export disclosures, which is recorded first.",
    zh="查阅或导出个人信息原文；先登记，后显示。",
    silent=frozenset({"act"}),
    optional=frozenset({"site", "opened_commitments", "act"}),
    extra_schema=_CHOOSING,
)
_ERASE: Final = Act(
    name="erase",
    kind="disclosure_access",
    en="Erase disclosures by law; the log and every proof stay as they are.",
    zh="依法删除个人信息原文；账本和全部证明不变。",
    fixed={"act": "erased"},
    optional=frozenset({"site", "opened_commitments"}),
    extra_schema=_CHOOSING,
)
_CORRECTION: Final = Act(
    name="correction",
    kind="correction",
    en="Say that an earlier entry was wrong; both stay.",
    zh="声明先前的登记有误；两者并存。",
    optional=frozenset({"site", "leaf_sha256"}),
    extra_schema={"corrects": _ID},
)

ACTS: Final = {
    act.name: act
    for act in (
        _act("request", "access_request", "Record a request for footage.", "登记调阅请求。"),
        _act("grant", "access_granted", "Record that a request was granted.", "登记同意请求。"),
        _act("refuse", "access_refused", "Record that a request was refused, and why.", "登记拒绝请求及理由。"),
        _access("view", "Record that somebody viewed live pictures.", "登记查看实时图像。"),
        _access("consult", "Record that somebody consulted recorded footage.", "登记查阅录像。"),
        _access("retrieve", "Record that footage was retrieved.", "登记调取录像。"),
        _access("copy", "Record that footage was copied.", "登记复制录像。"),
        _access("provide", "Record that footage was provided to another.", "登记对外提供录像。"),
        _access("publish", "Record that footage was published.", "登记公开录像。"),
        _act("hold place", "hold_placed", "Place a hold: nobody may delete this footage.", "设立保全：录像不得删除。"),
        _act("hold release", "hold_released", "Release a hold.", "解除保全。"),
        _act("stream register", "stream_registered", "Register a camera.", "登记摄像机。"),
        _act("stream change", "stream_changed", "Record a changed position, angle, purpose or other aspect.",
             "登记位置、角度、用途等变更。"),
        _act("stream retire", "stream_retired", "Take a camera out of use.", "停用摄像机。"),
        _act("site register", "site_registered", "Register a site, its operator and the rules that bind it.",
             "登记场所、使用单位及适用规则。"),
        _act("file", "filing", "Record a filing with the authority.", "登记备案。"),
        _act("retention", "retention_policy", "Record how long footage is kept.", "登记录像保存期限。"),
        _act("staff begin", "staff_change", "Record that somebody takes up a duty.", "登记人员上岗。", on_duty=True),
        _act("staff end", "staff_change", "Record that somebody leaves a duty.", "登记人员离岗。", on_duty=False),
        _act("training", "training", "Record a training.", "登记培训。"),
        _act("delegation", "delegation", "Record that maintenance is entrusted to another, or no longer.",
             "登记委托运维或其终止。"),
        _act("shift", "watch_shift", "Record who watched, and how long.", "登记值班监看。"),
        _act("incident", "incident_report", "Record what was seen and reported.", "登记发现和报告的情况。"),
        _act("check", "maintenance_check", "Record a maintenance check.", "登记维护检查。"),
        _act("inspection", "inspection", "Record an inspection by the authority.", "登记监督检查。"),
        _act("order", "rectification_order", "Record an order to put something right.", "登记责令整改。"),
        _act("done", "rectification_done", "Record that an order was carried out.", "登记整改完成。"),
        _act("disposal manual", "disposal", "Record that a person deleted footage.", "登记人工删除录像。", kind="manual"),
        _act("disposal ordered", "disposal", "Record that footage was deleted by order.", "登记依令删除录像。",
             kind="ordered"),
        _act("disposal lost", "disposal", "Record that footage was lost.", "登记录像灭失。", kind="lost"),
        _act("redaction", "redaction", "Record a copy in which something was made unrecognisable.", "登记遮挡处理的副本。"),
        _act("publication", "publication", "Record that footage was made public.", "登记录像公开传播。"),
        _CORRECTION,
        _DISCLOSE,
        _ERASE,
    )
}  # fmt: skip
"""Every command that records something, by its name; two words where there is a group."""

GROUPS: Final = {
    "access": ("Record who had access to footage, and how.", "登记录像使用（查看、查阅、调取、复制、提供、公开）。"),
    "hold": ("Place and release holds.", "设立、解除保全。"),
    "stream": ("Register, change and retire cameras.", "登记、变更、停用摄像机。"),
    "site": ("Register the site.", "登记场所。"),
    "staff": ("Record who takes up and leaves a duty.", "登记人员上岗、离岗。"),
    "disposal": ("Record deletions that a recorder does not tell by itself.", "登记录像机不自行上报的删除。"),
}
"""Words under which several commands stand."""
