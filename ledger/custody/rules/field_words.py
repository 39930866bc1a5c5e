"""What the required fields of the shipped profiles are called in a finding, in English and Chinese.

A house profile may require any field; one without a row here is shown by its path. tests/rules holds the table against
the profiles.
"""

from collections.abc import Mapping
from typing import Final

FIELD_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "accessor": ("the kind of accessor", "使用人类别"),
    "act": ("the kind of use", "使用方式"),
    "approval.document_sha256": ("the approval", "批准文件"),
    "authority": ("the authority", "决定机关"),
    "basis": ("the legal basis", "法律依据"),
    "case_number": ("the case number", "案件编号"),
    "consent": ("the consent", "同意"),
    "contract.document_sha256": ("the contract", "委托合同"),
    "copies_sha256": ("the digests of the copies", "副本的哈希值"),
    "description.classification": ("the classification", "系统分类"),
    "description.sign_posted": ("the sign", "提示标识"),
    "documents": ("the document", "文件"),
    "inspectors": ("the inspectors", "检查人员"),
    "officers": ("the officers", "到场人员"),
    "officers.name_commitment": ("the officers' names", "到场人员姓名"),
    "officers.unit": ("the officers' unit", "到场人员单位"),
    "officers.work_id_commitment": ("the officers' work ids", "到场人员工作证号"),
    "operator_kind": ("the kind of operator", "使用单位类别"),
    "order.document_sha256": ("the order", "命令文件"),
    "protected": ("the protection of those shown", "保护措施"),
    "purpose": ("the purpose", "用途"),
    "reason": ("the reason", "理由"),
    "recipient": ("the recipient", "接收单位"),
    "recorded_by.name_commitment": ("who recorded it", "登记人员"),
    "report_sha256": ("the report", "检查报告"),
    "site_class": ("the class of the site", "场所类别"),
    "supervising_authority": ("the supervising authority", "主管公安机关"),
}


def fields_in_words(paths: list[str]) -> tuple[str, str]:
    """The fields in English and in Chinese, each once."""
    words = [FIELD_WORDS.get(path, (path, path)) for path in dict.fromkeys(paths)]
    return ", ".join(english for english, _ in words), "、".join(chinese for _, chinese in words)
