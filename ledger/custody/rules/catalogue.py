"""Every finding code: its verdict, what parameters a rule of it takes, and its words in two languages.

A code says *what happened*; which law minds is the profiles' matter. Codes are never renamed. `requires` marks codes
whose rules are made of required fields alone (`custody.rules.requirement`). The texts are templates over the details
that the check gives.
"""

from dataclasses import dataclass
from typing import Final

from custody.rules.finding import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One row of the catalogue."""

    code: str
    verdict: Verdict
    en: str
    zh: str
    parameters: frozenset[str]
    requires: bool


def _code(code: str, verdict: Verdict, en: str, zh: str, *parameters: str) -> Code:
    return Code(code=code, verdict=verdict, en=en, zh=zh, parameters=frozenset(parameters), requires=False)


def _requires(code: str, verdict: Verdict, en: str, zh: str) -> Code:
    return Code(code=code, verdict=verdict, en=en, zh=zh, parameters=frozenset(), requires=True)


_V = Verdict

_FOOTAGE: Final = (
    _code("altered", _V.ALTERED, "footage files {numbers} differ from their entries", "录像文件 {numbers} 与登记不一致"),
    _code("missing", _V.MISSING, "footage files {numbers} are gone and no disposal was recorded",
          "录像文件 {numbers} 缺失，且无处置登记"),
    _code("derived", _V.DERIVED, "footage files {numbers} are derived copies, not bit-identical",
          "录像文件 {numbers} 为派生副本，非逐位一致"),
    _code("disposed-present", _V.PRESENT, "footage files {numbers} were recorded as disposed of but are still there",
          "录像文件 {numbers} 已登记处置但仍然存在"),
    _code("disposed-early", _V.DISPOSED_EARLY,
          "segments {numbers} were disposed of after {kept} days; {minimum} days were due",
          "录像段 {numbers} 保存 {kept} 日即被处置，应保存不少于 {minimum} 日", "minimum_days"),
    _code("disposed-under-hold", _V.DISPOSED_EARLY, "segments {numbers} were disposed of under hold {hold}{what}",
          "录像段 {numbers} 在保全 {hold} 期间被处置{what}"),
    _code("disposal-unannounced", _V.MISSING, "segments {numbers} were found gone; nobody announced their disposal",
          "录像段 {numbers} 被发现已不存在，事前无人登记处置"),
    _code("disposal-unfounded", _V.DUTY, "a disposal names segments {numbers} that were never recorded",
          "处置登记所列录像段 {numbers} 从未登记"),
    _code("over-retained", _V.OVER_RETAINED, "segments {numbers} are kept beyond the promised {maximum} days",
          "录像段 {numbers} 超过承诺的最长保存期 {maximum} 日仍在保存", "grace_days"),
    _code("retention-short", _V.DISPOSED_EARLY, "retention is set to {set} days; at least {minimum} days are due",
          "保存期设置为 {set} 日，应不少于 {minimum} 日"),
    _code("inserted-late", _V.INSERTED_LATE, "segments {numbers} entered the log {late} after they ended",
          "录像段 {numbers} 在结束 {late}后才登记入账", "late_seconds"),
    _code("number-missing", _V.GAP_UNEXPLAINED, "segment numbers {numbers} never came", "录像段编号 {numbers} 从未出现"),
    _code("number-repeated", _V.ALTERED, "segment number {numbers} was told more than once",
          "录像段编号 {numbers} 被重复登记"),
    _code("gap-explained", _V.GAP_EXPLAINED, "no footage for {length}: {reason}", "{length}无录像：{reason}"),
    _code("gap-unexplained", _V.GAP_UNEXPLAINED, "no footage for {length} and nobody said why", "{length}无录像且无说明",
          "tolerance_seconds", "grace_seconds"),
    _code("gap-open", _V.GAP_UNEXPLAINED, "a gap declared as going on was never closed", "已申报的持续中断一直未报告结束"),
    _code("source-silent", _V.GAP_UNEXPLAINED, "the source was silent for {length}, longer than it promised",
          "来源静默 {length}，超过其承诺的间隔", "grace_seconds"),
    _code("clock-suspect", _V.CLOCK_SUSPECT, "the recorder's clock cannot be right: {what}", "录像设备时钟可疑：{what}",
          "tolerance_seconds"),
    _code("availability-low", _V.DUTY, "footage covers {percent} % of the time in use", "使用期内录像覆盖率仅为 {percent}%",
          "minimum_percent", "window_days"),
    _code("fault-unreported", _V.DUTY, "a fault was not reported for repair within {limit}", "故障未在 {limit}内报修",
          "limit_hours"),
    _code("fault-unrepaired", _V.DUTY, "a fault was not repaired within {limit}", "故障未在 {limit}内修复", "limit_hours"),
)  # fmt: skip

_ACCESS: Final = (
    _requires("register-incomplete", _V.REGISTER_INCOMPLETE, "the access register lacks {fields}", "使用登记缺少{fields}"),
    _code("told-late", _V.REGISTER_INCOMPLETE, "the use was entered {late} after it happened{what}",
          "使用行为发生 {late}后才登记{what}", "late_seconds"),
    _requires("under-two-officers", _V.UNDER_TWO_OFFICERS, "a government department came with fewer than two officers",
              "行政机关到场人员不足二人"),
    _requires("work-id-missing", _V.REGISTER_INCOMPLETE, "not every officer showed a work id", "有人员未出示工作证件"),
    _requires("no-certifying-document", _V.NO_CERTIFYING_DOCUMENT, "no certifying document of the unit is bound",
              "未附单位证明文件"),
    _requires("register-form-missing", _V.REGISTER_INCOMPLETE, "no register form is bound by its hash",
              "未附登记表（哈希）"),
    _requires("provision-unrecorded", _V.REGISTER_INCOMPLETE, "footage was provided onward without {fields}",
              "对外提供录像未登记{fields}"),
    _requires("private-without-consent", _V.NO_AUTHORISATION, "a private person had access without recorded consent",
              "个人查阅未登记同意"),
    _requires("private-beyond-consultation", _V.NO_AUTHORISATION, "a private person did more than consult",
              "个人超出查阅范围"),
    _requires("state-access-unfounded", _V.NO_AUTHORISATION, "a state organ had access outside a recorded duty: {fields}",
              "国家机关调阅未附履行法定职责的依据：缺少{fields}"),
    _requires("publication-unprotected", _V.NO_AUTHORISATION, "footage was published without protecting those shown",
              "公开传播录像未采取保护措施"),
    _requires("refusal-without-reason", _V.REGISTER_INCOMPLETE, "a request was refused without a reason",
              "拒绝请求未说明理由"),
    _requires("hold-without-order", _V.NO_AUTHORISATION, "a hold was placed or released without {fields}",
              "保全的设立或解除缺少{fields}"),
    _requires("disclosure-unfounded", _V.NO_AUTHORISATION, "personal data was opened or erased without {fields}",
              "开启或删除个人信息未登记{fields}"),
    _code("no-authorisation", _V.NO_AUTHORISATION, "access without authorisation: {what}", "未经授权的使用：{what}"),
    _code("access-during-hold", _V.ACCESS_DURING_HOLD, "access to footage under hold {hold}", "使用处于保全 {hold} 的录像"),
    _code("request-unanswered", _V.DUTY, "request {request} was not answered within {limit}",
          "请求 {request} 未在 {limit}内答复", "limit_hours"),
    _code("emergency-refused", _V.DUTY, "request {request} in an emergency was refused although it was documented",
          "突发事件请求 {request} 手续齐备却被拒绝"),
)  # fmt: skip

_STREAM: Final = (
    _code("stream-not-registered", _V.DUTY, "the stream records but was never registered", "该摄像机未经登记即在录像"),
    _requires("classification-missing", _V.DUTY, "the installation's classification is not declared", "未申报系统分类"),
    _requires("sign-missing", _V.DUTY, "no sign is declared where a public place is recorded", "公共区域采集未申报提示标识"),
    _requires("change-unapproved", _V.NO_AUTHORISATION, "position, angle or purpose was changed without approval",
              "未经批准改变位置、角度或用途"),
    _requires("removal-unapproved", _V.NO_AUTHORISATION, "the camera was taken out of use without approval",
              "未经批准停用或拆除摄像设备"),
    _requires("disposal-without-order", _V.NO_AUTHORISATION, "an ordered disposal does not name its order",
              "责令处置未附命令"),
    _code("out-of-order", _V.DUTY, "{machine} {name}: {event} cannot follow {state}",
          "{machine} {name}：在“{state}”之后不应出现“{event}”"),
    _code("corrected", _V.REGISTER_INCOMPLETE, "an entry was corrected by a later one", "登记被后来的登记更正"),
    _code("correction-unfounded", _V.REGISTER_INCOMPLETE, "the correction of entry {entry} does not hold: {what}",
          "对第 {entry} 条登记的更正无效：{what}"),
    _code("profile-unknown", _V.NOT_CHECKED, "no rules are known for the profile {profile}", "未知的规则 {profile}，未检查"),
)  # fmt: skip

_SITE: Final = (
    _code("site-not-registered", _V.DUTY, "streams of the site record but the site was never registered",
          "场所有录像但从未登记"),
    _requires("operator-missing", _V.DUTY, "the site's registration lacks {fields}", "场所登记缺少{fields}"),
    _requires("site-class-missing", _V.DUTY, "the class of the site is not declared", "未申报场所类别"),
    _code("coverage-missing", _V.DUTY, "no camera is declared for the required place {place}",
          "应覆盖的部位 {place} 未申报摄像设备"),
    _code("filing-late", _V.FILING_LATE, "filed {late} after the time limit", "备案超期 {late}",
          "limit_days", "older_limit_days", "from_first_use"),
    _code("filing-missing", _V.FILING_LATE, "not filed although the time limit has passed", "超过期限仍未备案",
          "limit_days", "older_limit_days"),
    _code("filing-mismatch", _V.FILING_MISMATCH, "what was filed differs from what is: {what}", "备案与实际不符：{what}",
          "limit_days"),
    _code("staff-untrained", _V.DUTY, "somebody on duty has no recorded training", "在岗人员无培训登记", "grace_days"),
    _code("training-expired", _V.DUTY, "somebody on duty whose training has expired", "在岗人员培训已过期"),
    _code("check-overdue", _V.DUTY, "no maintenance check for {length}", "{length}未做维护检查", "limit_days"),
    _requires("delegation-without-contract", _V.DUTY, "maintenance was entrusted without a bound contract",
              "委托运维未附合同"),
    _code("delegation-expired", _V.DUTY, "the contract with {delegate} has run out", "与 {delegate} 的委托已到期"),
    _code("watch-gap", _V.DUTY, "nobody watched for {length}", "{length}无人值班监看", "limit_minutes"),
    _code("incident-unreported", _V.DUTY, "incident {incident} was not reported within {limit}",
          "事件 {incident} 未在 {limit}内报告", "limit_hours"),
    _requires("inspection-incomplete", _V.REGISTER_INCOMPLETE, "the inspection's record lacks {fields}", "检查记录缺少{fields}"),
    _code("rectification-overdue", _V.DUTY, "order {order} was not carried out in time", "整改令 {order} 逾期未完成"),
    _code("rectification-late", _V.DUTY, "order {order} was carried out {late} late", "整改令 {order} 逾期 {late}完成"),
)  # fmt: skip

_LOG: Final = (
    _code("log-truncated", _V.LOG, "the log is shorter than it was", "账本被截短"),
    _code("log-forked", _V.LOG, "the log signed two contradicting histories", "账本出现分叉"),
    _code("log-unwitnessed", _V.LOG, "no independent witness has seen the log", "账本未经独立见证"),
    _code("log-not-checked", _V.NOT_CHECKED, "the log itself was not checked", "账本本身未检查"),
)  # fmt: skip

CODES: Final = {row.code: row for row in (*_FOOTAGE, *_ACCESS, *_STREAM, *_SITE, *_LOG)}
"""Every finding code."""
