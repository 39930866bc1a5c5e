/* Words for what the records tell. Those of the law where the law has one; the same as in the reports of the command line. */

import { type Words, words } from "./words";

export const KINDS: Readonly<Record<string, Words>> = {
  access: words("access", "使用"),
  access_request: words("request", "申请"),
  access_granted: words("granted", "同意"),
  access_refused: words("refused", "拒绝"),
  publication: words("publication", "公开传播"),
  redaction: words("derived copy", "处理后副本"),
  package_exported: words("evidence exported", "导出证据包"),
  package_verified: words("evidence verified", "核验证据包"),
  disclosure_access: words("personal data opened", "查阅个人信息"),
  disposal: words("disposal", "处置"),
  hold_placed: words("hold placed", "保全"),
  hold_released: words("hold released", "解除保全"),
  move: words("moved", "迁移"),
  integrity_scan: words("integrity scan", "完整性复核"),
  gap: words("declared gap", "已说明的中断"),
  fault: words("fault", "故障"),
  heartbeat: words("heartbeat", "心跳"),
  recorder_configuration: words("recorder configuration", "录像设备配置"),
  clock_check: words("clock check", "校时记录"),
  stream_registered: words("camera registered", "摄像机登记"),
  stream_changed: words("camera changed", "摄像机变更"),
  stream_retired: words("camera retired", "摄像机停用"),
  retention_policy: words("retention policy", "保存规定"),
  correction: words("correction", "更正"),
  site_registered: words("site registered", "场所登记"),
  filing: words("filing", "备案"),
  inspection: words("inspection", "监督检查"),
};

/** Kinds that answer "who looked at it, copied it, was given it". */
export const ACCESS_KINDS: ReadonlySet<string> = new Set([
  "access", "access_request", "access_granted", "access_refused", "publication", "redaction", "package_exported",
  "package_verified", "disclosure_access",
]);
export const HOLD_KINDS: ReadonlySet<string> = new Set(["hold_placed", "hold_released"]);

export const ACTS: Readonly<Record<string, Words>> = {
  view: words("view", "查看"),
  consult: words("consult", "查阅"),
  retrieve: words("retrieve", "调取"),
  copy: words("copy", "复制"),
  provide: words("provide", "提供"),
  publish: words("publish", "公开"),
};

export const GAP_REASONS: Readonly<Record<string, Words>> = {
  camera_offline: words("camera offline", "摄像机离线"),
  recorder_overload: words("recorder overload", "录像设备过载"),
  disk_full: words("disk full", "磁盘已满"),
  corrupt_segment: words("corrupt segment", "录像段损坏"),
  motion_only: words("recording only when something moves", "仅移动时录像"),
  maintenance: words("maintenance", "维护"),
  agent_down: words("the registering program was down", "登记程序停止"),
  power: words("power failure", "断电"),
  clock_step: words("clock step", "时钟跳变"),
  unknown: words("not known", "原因不明"),
};

export const SEGMENT_STATES: Readonly<Record<string, Words>> = {
  good: words("as recorded", "与登记一致"),
  altered: words("ALTERED", "被改动"),
  missing: words("MISSING", "缺失"),
  absent: words("not in the package", "未随包提供"),
  margin: words("outside the period", "时段以外"),
  unproven: words("NOT PROVEN", "未获证明"),
};

export const STRETCHES = {
  recorded: words("recorded", "已录像"),
  declared: words("declared gap", "已说明的中断"),
  unexplained: words("unexplained gap", "未说明的中断"),
} as const;

export const SEVERITIES: Readonly<Record<string, Words>> = {
  critical: words("critical", "严重"),
  major: words("major", "较重"),
  minor: words("minor", "轻微"),
  info: words("fact", "事实"),
};

export const SUBJECTS: Readonly<Record<string, Words>> = {
  log: words("the log", "日志"),
  site: words("site", "场所"),
  stream: words("camera", "摄像机"),
};
