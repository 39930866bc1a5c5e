"""What an audit did not check, in two languages. It stands in every report, and is never shown as fine."""

from typing import Final, NamedTuple


class Unchecked(NamedTuple):
    """One thing that was not checked, and why."""

    code: str
    en: str
    zh: str


_TEXTS: Final = {
    "no-key": (
        "Signatures: no key was given, so nothing of this log is proven. Get the key from somebody who does not keep the log.",
        "签名：未提供公钥，本日志的任何内容均未得到证明。请从不保管该日志的一方取得公钥。",
    ),
    "unproven": (
        "Entries {first} to {last}: no checkpoint with a good signature of the given key covers them.",
        "第 {first} 至 {last} 条：没有经所提供公钥正确签名的检查点覆盖。",
    ),
    "unsigned-tail": (
        "{count} newest entries: they are not yet under a published checkpoint and were not judged.",
        "最新 {count} 条登记：尚未纳入已发布的检查点，未作评判。",
    ),
    "nothing-signed": (
        "All entries: no checkpoint is published, so there was nothing to judge.",
        "全部登记：没有已发布的检查点，无可评判。",
    ),
    "site-unknown": (
        "Site {name}: no entry that was judged tells of it, so nothing of it was checked. Names like it: {near}.",
        "场所 {name}：所评判的登记中没有该场所，未作任何核查。相近名称：{near}。",
    ),
    "camera-unknown": (
        "Camera {name}: no entry that was judged tells of it, so nothing of it was checked. Names like it: {near}.",
        "摄像机 {name}：所评判的登记中没有该摄像机，未作任何核查。相近名称：{near}。",
    ),
    "period-empty": (
        "The period asked for: the log tells of {first} to {last} only, so nothing of that period was checked.",
        "所指定的时段：日志仅涉及 {first} 至 {last}，该时段未作任何核查。",
    ),
    "nothing-compared": (
        "Footage files: no recorded segment is within what was asked for, so no file was compared.",
        "录像文件：所指定的范围内没有已登记的像段，未比对任何文件。",
    ),
    "no-memory": (
        "Rollback and fork: no earlier checkpoint of this log was at hand (--state); a replaced history would not be seen.",
        "回退与分叉：没有该日志以前的检查点（--state）可供比较，历史被整体替换时无法发现。",
    ),
    "read-before": (
        "Entries 0 to {last}: read and checked by the audit of {when}, and not read again. The signed root still covers them.",
        "第 0 至 {last} 条：已由 {when} 的核查读取并检查，本次未重新读取；已签名的根仍然覆盖它们。",
    ),
    "witnesses": (
        "Witnesses: cosignatures of independent witnesses were not checked.",
        "见证：未检查独立见证方的联署签名。",
    ),
    "seals": (
        "Seals: no entry that was read carries a signature of its source.",
        "封签：所读登记均未带来源方的签名。",
    ),
    "rights": (
        "Rights: the log registers no identities, so nobody can say who was allowed to tell what.",
        "权限：日志未登记任何身份，无法判断谁有权登记什么。",
    ),
    "index": (
        "The database's search index: it is no evidence and was not used (custody verify log checks it).",
        "数据库检索索引：不属于证据，未使用（可用 custody verify log 检查）。",
    ),
    "no-footage": (
        "Footage files: no folder was given. Whether the files are there and unaltered is not known.",
        "录像文件：未提供录像文件夹，文件是否存在、是否被改动均不可知。",
    ),
    "unreadable": (
        "{count} footage files could not be read.",
        "{count} 个录像文件无法读取。",
    ),
    "disclosures": (
        "Names and numbers of persons: the log holds only their commitments; who they are was not compared.",
        "人员姓名与证号：日志仅含其承诺值，未与真实身份核对。",
    ),
    "documents": (
        "Documents: the log holds their hashes; the documents themselves were not seen.",
        "书面凭证（证明文件、登记表、批准等）：日志仅含其哈希值，未查验原件。",
    ),
    "afterwards": (
        "Anything after {when}: the last entry that was judged.",
        "{when} 以后的情况：此为所评判的最后一条登记的时间。",
    ),
    "never-told": (
        "What nobody told the log. A camera or an access that was never registered leaves no trace in it.",
        "从未登记的事项：从未登记的摄像机或调阅不会在日志中留下痕迹。",
    ),
}  # fmt: skip


ASKED_FOR: Final = frozenset({"site-unknown", "camera-unknown", "period-empty", "nothing-compared"})
"""What somebody asked for and nobody could check: beside any of these an audit is not fine."""


def unchecked(code: str, **words: object) -> Unchecked:
    """One row, with its words filled in."""
    en, zh = _TEXTS[code]
    return Unchecked(code, en.format_map(words), zh.format_map(words))
