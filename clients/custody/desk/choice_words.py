"""Words for the values of enums, in English and Chinese, for a person who chooses one from a list."""

from collections.abc import Mapping
from typing import Final

_ROWS: Final = """
AccessPurpose: state_security 国家安全 | criminal_case 刑事案件 | public_order_case 治安案件 | public_emergency 突发公共事件
AccessPurpose: operation 本单位履职 | inspection 监督检查 | personal_rights 维护个人合法权益 | administrative_case 行政案件
AccessPurpose: court 诉讼 | maintenance 维护 | natural_disaster 自然灾害 | accident_disaster 事故灾难
AccessPurpose: public_health 公共卫生事件 | social_security 社会安全事件 | other 其他
AccessorKind: public_security 公安机关 | state_security 国家安全机关 | government_department 其他行政机关
AccessorKind: procuratorate 检察院 | court 法院 | operator_staff 使用单位人员 | private_person 个人 | lawyer 律师
AccessorKind: maintainer 维护人员 | other 其他
DocumentKind: certifying 单位证明文件 | register_form 登记表 | approval 批准文件 | consent 同意书 | filing_receipt 备案回执
DocumentKind: court_order 法院文书 | contract 合同 | report 报告 | drawing 布点图 | other 其他
AccessAct: view 查看 | consult 查阅 | retrieve 调取 | copy 复制 | provide 提供 | publish 公开
RefusalReason: no_authority 无权请求 | no_document 无证明文件 | one_officer_only 仅一人前来 | footage_disposed 录像已删除
RefusalReason: footage_never_recorded 从未录制 | no_consent 未取得同意 | rights_of_others 涉及他人权益 | other 其他
StreamAspect: position 位置 | angle 角度 | purpose 用途 | device 设备 | title 名称 | sign 标识 | filing 备案 | profiles 适用规则
StreamAspect: classification 分类
OperatorKind: government 政府 | unit 单位 | manager_of_premises 物业管理 | private 个人
SiteClass: state_organ 国家机关 | media_communication 新闻通信 | transport 交通 | school_hospital 学校医院
SiteClass: hotel_entertainment 旅馆娱乐 | commerce_finance 商贸金融 | dangerous_goods 危险物品 | utility 水电气热
SiteClass: residential 住宅区 | road_square 道路广场 | culture_sport 文化体育 | research_storage 科研仓储 | other 其他
FilingAct: filed 已备案 | accepted 已受理 | changed 变更 | withdrawn 撤销
StaffDuty: monitoring 监看 | register 登记 | maintenance 维护 | responsible 负责人
Verdict: fine 合格 | findings 发现问题 | could_not_check 无法检查
DisposalKind: planned 到期删除 | manual 人工删除 | lost 灭失 | ordered 依令删除 | capacity 容量不足自动删除
DisposalKnowledge: announced 删除者告知 | observed 事后发现
DisclosureAct: read 查阅 | exported 导出 | erased 删除
"""


def _read(rows: str) -> dict[tuple[str, str], str]:
    table: dict[tuple[str, str], str] = {}
    for row in rows.strip().splitlines():
        enum, _, values = row.partition(": ")
        for pair in values.split(" | "):
            name, _, chinese = pair.strip().partition(" ")
            table[enum, name] = chinese
    return table


CHINESE: Final[Mapping[tuple[str, str], str]] = _read(_ROWS)


def choice_word(enum: str, value: str, lang: str) -> str:
    """A value as a person reads it. Raises KeyError for one that the table lacks."""
    chinese = CHINESE[enum, value]
    return chinese if lang == "zh" else value.replace("_", " ")
