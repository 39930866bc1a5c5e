"""Words for the enum values that the tables of the report show, in English and in the law's Chinese."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from custody.v1 import record_pb2 as pb


class Words(NamedTuple):
    """One text in both languages."""

    en: str
    zh: str


SAME: Final = Words("—", "—")

ACT: Final[Mapping[int, Words]] = {
    pb.ACCESS_ACT_VIEW: Words("view", "查看"),
    pb.ACCESS_ACT_CONSULT: Words("consult", "查阅"),
    pb.ACCESS_ACT_RETRIEVE: Words("retrieve", "调取"),
    pb.ACCESS_ACT_COPY: Words("copy", "复制"),
    pb.ACCESS_ACT_PROVIDE: Words("provide", "提供"),
    pb.ACCESS_ACT_PUBLISH: Words("publish", "公开"),
}
PURPOSE: Final[Mapping[int, Words]] = {
    pb.ACCESS_PURPOSE_STATE_SECURITY: Words("state security", "国家安全"),
    pb.ACCESS_PURPOSE_CRIMINAL_CASE: Words("criminal case", "刑事案件"),
    pb.ACCESS_PURPOSE_PUBLIC_ORDER_CASE: Words("public order case", "治安案件"),
    pb.ACCESS_PURPOSE_PUBLIC_EMERGENCY: Words("public emergency", "突发公共事件"),
    pb.ACCESS_PURPOSE_OPERATION: Words("operation", "日常运行"),
    pb.ACCESS_PURPOSE_INSPECTION: Words("inspection", "监督检查"),
    pb.ACCESS_PURPOSE_PERSONAL_RIGHTS: Words("personal rights", "个人合法权益"),
    pb.ACCESS_PURPOSE_ADMINISTRATIVE_CASE: Words("administrative case", "行政案件"),
    pb.ACCESS_PURPOSE_COURT: Words("court", "司法审判"),
    pb.ACCESS_PURPOSE_MAINTENANCE: Words("maintenance", "维护"),
    pb.ACCESS_PURPOSE_NATURAL_DISASTER: Words("natural disaster", "自然灾害"),
    pb.ACCESS_PURPOSE_ACCIDENT_DISASTER: Words("accident", "事故灾难"),
    pb.ACCESS_PURPOSE_PUBLIC_HEALTH: Words("public health", "公共卫生事件"),
    pb.ACCESS_PURPOSE_SOCIAL_SECURITY: Words("public safety", "社会安全事件"),
    pb.ACCESS_PURPOSE_OTHER: Words("other", "其他"),
}
ACCESSOR: Final[Mapping[int, Words]] = {
    pb.ACCESSOR_KIND_PUBLIC_SECURITY: Words("public security organ", "公安机关"),
    pb.ACCESSOR_KIND_STATE_SECURITY: Words("state security organ", "国家安全机关"),
    pb.ACCESSOR_KIND_GOVERNMENT_DEPARTMENT: Words("government department", "其他行政机关"),
    pb.ACCESSOR_KIND_PROCURATORATE: Words("procuratorate", "人民检察院"),
    pb.ACCESSOR_KIND_COURT: Words("court", "人民法院"),
    pb.ACCESSOR_KIND_OPERATOR_STAFF: Words("operator's staff", "使用单位人员"),
    pb.ACCESSOR_KIND_PRIVATE_PERSON: Words("private person", "个人"),
    pb.ACCESSOR_KIND_LAWYER: Words("lawyer", "律师"),
    pb.ACCESSOR_KIND_MAINTAINER: Words("maintainer", "维护人员"),
    pb.ACCESSOR_KIND_OTHER: Words("other", "其他"),
}
DOCUMENT: Final[Mapping[int, Words]] = {
    pb.DOCUMENT_KIND_CERTIFYING: Words("certifying document", "证明文件"),
    pb.DOCUMENT_KIND_REGISTER_FORM: Words("register form", "登记表"),
    pb.DOCUMENT_KIND_APPROVAL: Words("approval", "批准文件"),
    pb.DOCUMENT_KIND_CONSENT: Words("consent", "同意书"),
    pb.DOCUMENT_KIND_FILING_RECEIPT: Words("filing receipt", "备案回执"),
    pb.DOCUMENT_KIND_COURT_ORDER: Words("court order", "法院文书"),
    pb.DOCUMENT_KIND_CONTRACT: Words("contract", "合同"),
    pb.DOCUMENT_KIND_REPORT: Words("report", "报告"),
    pb.DOCUMENT_KIND_DRAWING: Words("drawing", "图纸"),
    pb.DOCUMENT_KIND_OTHER: Words("other document", "其他文件"),
}
REFUSAL: Final[Mapping[int, Words]] = {
    pb.REFUSAL_REASON_NO_AUTHORITY: Words("no authority", "无权限"),
    pb.REFUSAL_REASON_NO_DOCUMENT: Words("no document", "无证明文件"),
    pb.REFUSAL_REASON_ONE_OFFICER_ONLY: Words("one officer only", "仅一人到场"),
    pb.REFUSAL_REASON_FOOTAGE_DISPOSED: Words("footage disposed of", "录像已处置"),
    pb.REFUSAL_REASON_FOOTAGE_NEVER_RECORDED: Words("never recorded", "未录制"),
    pb.REFUSAL_REASON_NO_CONSENT: Words("no consent", "未获同意"),
    pb.REFUSAL_REASON_RIGHTS_OF_OTHERS: Words("rights of others", "涉及他人权益"),
    pb.REFUSAL_REASON_OTHER: Words("other", "其他"),
}
KIND: Final[Mapping[str, Words]] = {
    "access": Words("access", "使用"),
    "access_request": Words("request", "申请"),
    "access_granted": Words("granted", "同意"),
    "access_refused": Words("refused", "拒绝"),
    "publication": Words("publication", "公开传播"),
    "redaction": Words("derived copy", "处理后副本"),
    "package_exported": Words("evidence exported", "导出证据包"),
    "disclosure_access": Words("personal data opened", "查阅个人信息"),
}


def word(table: Mapping[int, Words], value: int) -> Words:
    """The words of a value; a dash for one that was not stated."""
    return table.get(value, SAME)
