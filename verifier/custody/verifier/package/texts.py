"""Words of a package's report in both languages."""

from collections.abc import Mapping
from typing import Final

PACKAGE_CHECKS: Final[Mapping[str, Mapping[int, str]]] = {
    "en": {
        1: "form of the package", 2: "every file as it was packed", 3: "signatures of the checkpoint",
        4: "growth from an earlier checkpoint", 5: "every entry, read strictly", 6: "every chain, proven to be in the log",
        7: "complete up to the closing heads snapshot", 8: "footage, manifest and records agree", 9: "a proof file for each segment",
        10: "the export itself is recorded", 11: "signature over the package", 12: "disclosures given and withheld",
        13: "time stamps", 14: "footage brought separately", 15: "seals of the sources",
    },
    "zh": {
        1: "证据包格式", 2: "各文件与封装时一致", 3: "检查点签名", 4: "自先前检查点起只增未改", 5: "逐条严格读取",
        6: "每条链均证明在日志中", 7: "截至收尾链头快照完整", 8: "录像、清单与登记一致", 9: "各像段的证明文件",
        10: "本次导出已登记", 11: "证据包签名", 12: "已披露与未披露的个人信息", 13: "时间戳", 14: "另行提供的录像", 15: "来源方的封签",
    },
}  # fmt: skip

LINES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "package": "Evidence package", "nothing": "THIS IS NO EVIDENCE PACKAGE", "formless": "Nothing else could be checked.", "log": "log", "case": "case", "recipient": "given to",
        "counts": "{files} footage files, {size} bytes; {absent} recorded segments absent; {entries} entries of a log of {tree}",
        "kept_back": "{absent} of {all} recorded segments of the period are not in this package",
        "trust_key": "trusted key", "trust_policy": "log key under the given policy", "cosigned": "cosigned by",
        "trust_package": "KEYS FROM THE PACKAGE ITSELF, much weaker: get the log's key elsewhere and give it with --trust:",
        "signed": "signed by", "stamped": "time stamp", "early": "all footage was recorded before", "sealed": "entries under a good seal of their source",
        "exporter-revocation": "not checked: whether the exporter's certificate was revoked; give a list of its authority with --crl",
        "timestamp-revocation": "not checked: whether the time-stamping authority's certificate was revoked; give a list of its authority with --crl",
        "copy": "derived copy (redacted), no footage", "given": "source in the package", "asked": "source not in the package, ask for it by entry {index}",  "identical": "identical with segment", "derived": "derived (not bit-identical)",
        "unknown": "not from this package", "unreadable": "cannot be read", "range": "{stream} segment {number}, units {first} to {last}",
    },
    "zh": {
        "package": "证据包", "nothing": "这不是证据包", "formless": "其余各项均无法检查。", "log": "日志", "case": "案件编号", "recipient": "接收单位",
        "counts": "录像文件 {files} 个，{size} 字节；已登记未提供 {absent} 段；条目 {entries} 条，日志共 {tree} 条",
        "kept_back": "该期间已登记的录像段共 {all} 段，其中 {absent} 段不在本包内",
        "trust_key": "受信任的密钥", "trust_policy": "策略所列日志密钥", "cosigned": "见证签名",
        "trust_package": "密钥出自证据包自身，证明力弱得多：请从他处取得日志公钥并用 --trust 提供：",
        "signed": "签名", "stamped": "时间戳", "early": "全部录像登记不晚于", "sealed": "来源方封签有效的条目",
        "exporter-revocation": "未检查：导出人证书是否已被吊销；请用 --crl 提供其签发机构的吊销列表",
        "timestamp-revocation": "未检查：时间戳机构的证书是否已被吊销；请用 --crl 提供其签发机构的吊销列表",
        "copy": "派生副本（经遮挡处理），并非原始录像", "given": "原始录像在包内", "asked": "原始录像不在包内，可凭登记条目 {index} 调取",  "identical": "与像段逐位一致", "derived": "派生副本（非逐位一致）",
        "unknown": "不出自本证据包", "unreadable": "无法读取", "range": "{stream} 第 {number} 段，第 {first} 至 {last} 单元",
    },
}  # fmt: skip

_WHOSE_ZH: Final[Mapping[str, str]] = {"registered in the log": "已在日志登记", "given key": "读者提供的公钥"}


def signer_text(signer: str, lang: str) -> str:
    """A signer as the report names it, whose key it is said in `lang`; a certificate's subject stays as it is."""
    keyid, _, whose = signer.partition(" (")
    known = _WHOSE_ZH.get(whose.removesuffix(")")) if lang == "zh" else None
    return f"{keyid}（{known}）" if known else signer
