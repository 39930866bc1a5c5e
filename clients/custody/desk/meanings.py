"""What every field of a form means, in English and Chinese, with the article that asks for it.

D185 = Beijing Decree 185 (2006); SCO799 = State Council Order 799 (2025); CTL = Counter-Terrorism Law. A row under a
message's own name goes before the row for every message (`*`). tests/desk holds the table against the forms.
"""

from collections.abc import Mapping
from typing import Final

_ROWS: Final = """
Record.at | when it happened or began, empty for now | 发生或开始的时间，不填则为现在
Form.file | path of the document's file; its SHA-256 is recorded, the file stays with you | 文件路径；只登记其 SHA-256，文件由您保存
Form.corrects | record id of the wrong entry; index, leaf and streams are looked up | 有误登记的记录编号（自动查出序号、叶哈希和摄像机）
Form.records | record id: every disclosure that this record commits to (empty: no more) | 记录编号：该登记涉及的全部个人信息原文（不填则结束）
Form.persons | persons of the site: every disclosure that is kept of them | 本场所人员：为其保存的全部个人信息原文
*.site | the site | 场所
*.streams | cameras concerned, as site/camera | 有关摄像机（场所/摄像机）
*.stream | the camera, as site/camera | 摄像机（场所/摄像机）
*.spans | footage concerned (camera and time) | 有关录像（摄像机和时间段）
Span.from | begin of the footage | 录像起始时间
Span.to | end of the footage | 录像结束时间
*.ranges | segments by camera and number | 录像分段：摄像机和编号
*.sources | segments from which the copy was made | 副本所用的录像分段
SegmentRange.first | number of the first segment (0 where only the time is known) | 首段编号（只知时间时填 0）
SegmentRange.last | number of the last segment | 末段编号
SegmentRange.from | begin of that footage | 该录像起始时间
SegmentRange.to | end of that footage | 该录像结束时间
Person.name | name | 姓名
Person.work_id | work id or service number (D185 Art. 17(1)) | 工作证号（185号令第17条第1项）
Person.unit | unit, an organisation (SCO799 Art. 16) | 单位（799号令第16条）
Person.document | number of the identity document of a private person (SCO799 Art. 21) | 个人的证件号码（799号令第21条）
Document.kind | kind of document | 文件种类
Document.reference | number or mark on the document, no person's name | 文号或标识（不得写个人姓名）
Document.document_sha256 | SHA-256 of the scanned or electronic document, or the path of its file | 扫描件或电子文件的 SHA-256，或文件路径
Document.issuer | body that issued it | 出具机关或单位
*.officers | officers who came, of a government department at least two (D185 Art. 17(1)) | 到场人员，政府部门人员不得少于两人（185号令第17条第1项）
*.recorded_by | staff who record this use (D185 Art. 13(2)) | 登记人（185号令第13条第2项）
*.documents | documents shown: certifying document of the unit, register form, approval (D185 Art. 14, 17) | 出示的文件：单位证明文件、登记表、批准文件（185号令第14、17条）
*.request_id | number of the request, unique within the site | 请求编号（本场所内唯一）
*.purpose | what it is needed for (D185 Art. 13(2), 16) | 用途（185号令第13条第2项、第16条）
*.accessor | who asks | 请求人类别
*.case_number | case number, no person's name | 案件编号（不得写个人姓名）
*.reason | reason in free words | 事由（自由填写）
AccessRequest.act | kind of use asked for | 请求的使用方式
Access.act | kind of use | 使用方式
Access.request_id | number of the request that this answers; empty when none was made | 所依据的请求编号；没有请求则不填
Access.recipient | organisation to which footage goes (D185 Art. 17, SCO799 Art. 16) | 录像提供给哪个单位（185号令第17条、799号令第16条）
Access.copies_sha256 | every file given out: its SHA-256, or its path | 每个交出的文件：SHA-256 或文件路径
Access.duration | how long the access took | 使用时长
Access.consent | written consent of the persons shown was had (SCO799 Art. 21) | 已取得被摄录人的书面同意（799号令第21条）
*.by | who did it | 经办人
AccessGranted.by | who granted it | 同意人
AccessRefused.by | who refused it | 拒绝人
AccessGranted.authorisation | document that authorises the access (D185 Art. 14) | 批准文件（185号令第14条）
*.valid_until | valid until (empty: no end) | 有效期至（不填则无期限）
AccessRefused.reason | ground of the refusal (D185 Art. 16) | 拒绝理由（185号令第16条）
AccessRefused.reason_text | the ground in free words | 拒绝理由说明（自由填写）
*.hold_id | number of the hold | 保全编号
*.authority | authority or body that decided | 决定机关
*.order | the order | 命令、决定书
HoldPlaced.expires | when the hold ends by itself (empty: when released) | 保全自动到期时间（不填则至解除）
*.description | the camera | 摄像机情况
StreamDescription.title | name for people, such as East gate, outside | 名称，如“东门外”
StreamDescription.position | position as filed (D185 Art. 11) | 备案位置（185号令第11条）
StreamDescription.angle | direction and field of view as filed | 备案朝向和视角
StreamDescription.purpose | what the camera is declared to be for (D185 Art. 7) | 申报用途（185号令第7条）
StreamDescription.public_area | it looks at a public place | 摄录公共区域
StreamDescription.sign_posted | a sign tells people that they are recorded (D185 Art. 15, SCO799 Art. 13) | 已设置提示标识（185号令第15条、799号令第13条）
StreamDescription.filing_number | number under which it was filed | 备案编号
StreamDescription.device | model and serial of the device | 设备型号和序列号
StreamDescription.classification | classification in the authority's words (D185 Art. 9) | 系统分类（185号令第9条）
*.profiles | rule profiles that bind, such as bj185, cn799, ctl32 | 适用规则，如 bj185、cn799、ctl32
StreamRegistered.in_use_from | first moment of use (SCO799 Art. 14) | 开始使用时间（799号令第14条）
StreamChanged.aspects | what changed (D185 Art. 12(4)) | 变更内容（185号令第12条第4项）
*.approval | approval (D185 Art. 12(4); SCO799 Art. 20) | 批准文件（185号令第12条第4项、799号令第20条）
Publication.approval | approval of the publication (SCO799 Art. 22) | 公开的批准文件（799号令第22条）
StreamRetired.reason_code | why it was taken out of use, in one word | 停用原因（一个词）
SiteRegistered.title | name of the site | 场所名称
SiteRegistered.operator | unit that uses the system (D185 Art. 4) | 使用单位（185号令第4条）
SiteRegistered.operator_kind | kind of operator (D185 Art. 7) | 使用单位类别（185号令第7条）
SiteRegistered.supervising_authority | supervising public security organ (D185 Art. 4) | 监督管理的公安机关（185号令第4条）
SiteRegistered.site_class | class of the site (D185 Art. 5, SCO799 Art. 7) | 场所类别（185号令第5条、799号令第7条）
SiteRegistered.class_note | the class in the authority's words, where it is another | 其他类别的说明
SiteRegistered.required_coverage | places inside that must be covered (D185 Art. 6) | 应覆盖的部位（185号令第6条）
SiteRegistered.priority_target | priority target for protection from terrorism (CTL Art. 31-32) | 防范恐怖袭击重点目标（反恐法第31、32条）
Filing.filing_number | number given by the authority | 备案编号
Filing.authority | authority with which it is filed | 备案机关
Filing.act | what was done | 备案行为
Filing.accepted | when the installation passed acceptance (D185 Art. 11: file within 30 days) | 验收合格时间（185号令第11条：30日内备案）
Filing.first_use | when it was first used (SCO799 Art. 14: file within 30 days) | 首次使用时间（799号令第14条：30日内备案）
Filing.retention | storage period as filed (SCO799 Art. 14) | 备案的保存期限（799号令第14条）
Filing.streams | cameras as filed | 备案的摄像机
Filing.documents | documents filed: drawing, receipt (D185 Art. 11) | 备案材料：布点图、回执（185号令第11条）
RetentionPolicy.minimum | kept at least this long (SCO799 Art. 17: 30 d; CTL Art. 32: 90 d) | 最短保存期限（799号令第17条：30日；反恐法第32条：90日）
RetentionPolicy.maximum | deleted after this (SCO799 Art. 17); empty: no end promised | 到期删除的期限（799号令第17条）；不填则未承诺
RetentionPolicy.effective_from | footage that begins from this moment on | 自该时刻起的录像适用
*.basis | article, contract or decision that it rests on | 依据的条款、合同或决定
StaffChange.person | who | 人员
StaffChange.duty | the duty (SCO799 Art. 15) | 岗位（799号令第15条）
StaffChange.on_duty | on duty from now on | 自此上岗
Training.people | who was trained (D185 Art. 12(1)) | 受训人员（185号令第12条第1项）
Training.subject | subject of the training | 培训内容
Training.document | certificate or list | 证书或名单
Delegation.delegate | organisation to which it is entrusted (D185 Art. 12) | 受托单位（185号令第12条）
Delegation.scope | what is entrusted | 委托事项
Delegation.contract | the contract | 合同
Delegation.ended | the delegation has ended | 委托已终止
WatchShift.people | who watched (D185 Art. 13(1)) | 值班人员（185号令第13条第1项）
WatchShift.duration | length of the shift | 值班时长
WatchShift.streams_watched | how many cameras were watched | 监看摄像机数量
IncidentReport.incident_id | number of the incident | 情况编号
IncidentReport.seen | when it was seen (D185 Art. 13(1)) | 发现时间（185号令第13条第1项）
IncidentReport.reported | when it was reported; empty: not yet | 报告时间；尚未报告则不填
IncidentReport.reported_to | to which organisation | 报告给哪个单位
IncidentReport.text | what was seen, in free words | 情况说明（自由填写）
MaintenanceCheck.faulty | cameras found not working (D185 Art. 12(2)-(3)) | 发现故障的摄像机（185号令第12条第2、3项）
MaintenanceCheck.report | the report | 检查报告
Inspection.inspection_id | number of the inspection (D185 Art. 18) | 检查编号（185号令第18条）
Inspection.authority | authority that inspects | 检查机关
Inspection.inspectors | the inspectors | 检查人员
Inspection.verdict | result | 检查结果
Inspection.report_sha256 | SHA-256 of the report, or the path of its file | 检查报告的 SHA-256，或文件路径
Inspection.tree_size | size of the log as it was inspected | 检查时账本的条目数
*.order_id | number of the order | 整改令编号
RectificationOrder.inspection_id | inspection that it follows from | 所依据的检查编号
RectificationOrder.articles | articles, such as D185-13(3) | 条款，如 D185-13(3)
RectificationOrder.due | to be done by | 整改期限
RectificationDone.proof | document that shows it | 证明材料
RectificationDone.accepted | accepted by the authority that ordered it | 已由责令机关验收
Disposal.kind | kind of disposal | 处置方式
Disposal.knowledge | told by who deleted, or found out later | 由删除者告知，还是事后发现
Disposal.deleted | when it was deleted, where that differs | 删除时间（与登记时间不同时填写）
Redaction.derived_sha256 | SHA-256 of the copy, or the path of its file | 副本的 SHA-256，或文件路径
Redaction.derived_bytes | size of the copy in bytes | 副本字节数
Redaction.transform | what was done to the picture | 处理方式
Redaction.tool | program and version | 所用软件及版本
Redaction.derived_media_root | media root of the copy | 副本的媒体根哈希
Publication.published_sha256 | SHA-256 of what was published, or the path of its file | 公开内容的 SHA-256，或文件路径
Publication.protected | persons, plates and other personal information were protected (SCO799 Art. 22) | 已对人脸、车牌等个人信息采取保护措施（799号令第22条）
Publication.medium | where it was published | 公开的媒介
Correction.index | leaf index of the wrong entry | 有误条目的序号
Correction.leaf_sha256 | leaf hash of the wrong entry | 有误条目的叶哈希
Correction.replacement_id | record id of the record that replaces it | 替代登记的记录编号
DisclosureAccess.opened_commitments | commitments of the disclosures | 个人信息原文的承诺值
DisclosureAccess.act | read or exported | 查阅或导出
DisclosureAccess.basis | lawful ground, such as PIPL Art. 47 (no person's name) | 法律依据，如个人信息保护法第47条（不得写个人姓名）
DisclosureAccess.by | who opens or erases them | 经办人
"""


def _read(rows: str) -> dict[str, tuple[str, str]]:
    table: dict[str, tuple[str, str]] = {}
    for row in rows.strip().splitlines():
        key, english, chinese = (part.strip() for part in row.split(" | "))
        table[key] = (english, chinese)
    return table


MEANINGS: Final[Mapping[str, tuple[str, str]]] = _read(_ROWS)


def meaning(message: str, key: str, lang: str) -> str:
    """What a field means. Raises KeyError for one that the table lacks."""
    row = MEANINGS.get(f"{message}.{key}") or MEANINGS[f"*.{key}"]
    return row[lang == "zh"]
