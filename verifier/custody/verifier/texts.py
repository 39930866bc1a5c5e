"""Words that both languages share: verdicts, names of checks, summary lines. Details of findings are in English."""

from collections.abc import Mapping
from typing import Final

from custody.verifier.log_report import Status

LANGUAGES: Final = ("en", "zh")

STATUS: Final[Mapping[str, Mapping[Status, str]]] = {
    "en": {Status.FINE: "fine", Status.FINDINGS: "FINDINGS", Status.NOT_CHECKED: "NOT CHECKED"},
    "zh": {Status.FINE: "无误", Status.FINDINGS: "发现问题", Status.NOT_CHECKED: "未检查"},
}

LOG_CHECKS: Final[Mapping[str, Mapping[int, str]]] = {
    "en": {
        1: "signatures of the checkpoints",
        2: "every entry, read strictly",
        3: "tree and signed roots",
        4: "tiles",
        5: "every chain",
        6: "every heads snapshot",
        7: "times and record ids",
        8: "index",
        9: "unsigned tail",
        10: "against the remembered checkpoint",
        11: "seals of the sources",
        12: "who told what",
    },
    "zh": {
        1: "检查点签名",
        2: "逐条严格读取",
        3: "哈希树与已签名的根",
        4: "哈希瓦片",
        5: "每条链",
        6: "每个链头快照",
        7: "时间与记录编号",
        8: "索引",
        9: "未签名的尾部",
        10: "与记住的检查点比较",
        11: "来源方的封签",
        12: "登记者的权限",
    },
}

FOOTAGE_CHECKS: Final[Mapping[str, Mapping[int, str]]] = {
    "en": {
        1: "the log that the files are held against",
        2: "every recorded segment has its file",
        3: "every file is as it was recorded",
        4: "every file was recorded",
        5: "every segment was recorded in time",
    },
    "zh": {
        1: "用作依据的日志",
        2: "每个已记录片段都有文件",
        3: "每个文件与记录时一致",
        4: "每个文件都有记录",
        5: "每个片段都及时记录",
    },
}

FILE_STATES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "present": "present",
        "moved": "moved",
        "altered": "ALTERED",
        "missing": "MISSING",
        "disposed": "disposed",
        "unknown": "UNKNOWN",
        "late": "late",
        "unreadable": "NOT READABLE",
        "ignored": "not footage by name",
    },
    "zh": {
        "present": "存在",
        "moved": "已移动",
        "altered": "被改动",
        "missing": "缺失",
        "disposed": "已处置",
        "unknown": "无记录",
        "late": "迟到",
        "unreadable": "无法读取",
        "ignored": "按名称不是录像",
    },
}

REASONS_ZH: Final[Mapping[str, str]] = {
    "no key was given; a key that stands in the log itself proves nothing": "未提供公钥；日志中自带的公钥不能证明任何内容",
    "no checkpoint is published: nothing is signed": "没有已发布的检查点，无任何签名",
    "no checkpoint is published: there is no signed root to compare with": "没有已发布的检查点，没有可比对的已签名的根",
    "no earlier checkpoint was given: a rollback would not be seen": "未提供先前的检查点，无法发现回退",
    "this form of the log has no index": "此形式的日志没有索引",
    "the index proves nothing and was not used; see: custody verify log": "索引不具证明力，未使用；可用 custody verify log 检查",
    "no entry that was read is sealed by its source": "所读登记均无来源方封签",
    "the log registers no identities: nobody can say who was allowed what": "日志未登记任何身份，无法判断谁有权登记什么",
    "no entry of the log is under a verified checkpoint": "日志中没有登记处于已验证的检查点之下",
    "the log has no footage": "日志中没有已登记的录像",
    "the log could not be checked in full": "日志未能全部检查",
    "an earlier check left nothing to hold it against": "前一项检查未通过，无从比对",
    "KEYS FROM THE PACKAGE ITSELF: whoever made the package chose them; give --trust": "密钥出自证据包自身，由制作者选定；请用 --trust 提供日志公钥",
    "the package proves growth from no checkpoint; ask for one exported with --since": "本包未附先前检查点；请要求以 --since 导出",
    "the package has no earlier checkpoint": "本包未附先前检查点",
    "the package proves growth from another checkpoint than the given one": "本包所附先前检查点与所给检查点不同",
    "the package has no proof files; the slices prove the same": "本包无单独证明文件；日志片段证明同样内容",
    "the signer's key stands only in the package: give it with --exporter-key": "签名人公钥仅见于本包；请用 --exporter-key 提供",
    "the package has no time stamp": "本包无时间戳",
    "no root of a time-stamping authority was given: --tsa-root": "未提供时间戳机构根证书（--tsa-root）",
    "no footage was brought": "无另行提供的录像",
    "the package's own footage is not proven, so nothing can be held against it": "本包录像自身未获证明，无从比对",
    "no entry of the package is sealed by its source": "本包条目均无来源方封签",
}
"""Why a check was not made, in Chinese. A reason that counts something is not in the table and stays English."""

LINES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "log": "Log",
        "counts": "{size} entries, {published} of them published; {chains} chains, {checkpoints} checkpoints,"
        " {snapshots} heads snapshots",
        "verified": "the signed roots cover the first {verified} entries",
        "key": "trusted key",
        "no_key": "NO KEY WAS GIVEN: nothing here is proven. The log names the key {claimed} as its own; get the key from"
        " somebody who does not keep the log, and give it with --trust.",
        "findings": "Findings",
        "more": "and {count} more of {code}",
        "verdict": "Verdict",
        "not_checked": "not checked",
        "footage": "Footage",
        "files": "{files} files, {size} read; {segments} recorded segments under a signed checkpoint",
    },
    "zh": {
        "log": "日志",
        "counts": "共 {size} 条，其中已发布 {published} 条；{chains} 条链，{checkpoints} 个检查点，{snapshots} 个链头快照",
        "verified": "已签名的根覆盖前 {verified} 条",
        "key": "受信任的密钥",
        "no_key": "未提供密钥：以下内容均未得到证明。日志自称的密钥为 {claimed}；请从不保管该日志的一方取得密钥，并用 --trust 提供。",
        "findings": "发现的问题",
        "more": "另有 {count} 项 {code}",
        "verdict": "结论",
        "not_checked": "未检查",
        "footage": "录像",
        "files": "{files} 个文件，已读取 {size}；已签名检查点之下有 {segments} 个已记录片段",
    },
}
