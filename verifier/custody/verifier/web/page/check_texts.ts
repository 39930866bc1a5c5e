/* Words of the numbered checks, the same as those of `custody verify package`, what each means, and why one was not made. */

import type { Check, Status } from "../engine/api";
import { type Words, words } from "./words";

export const STATUS: Readonly<Record<Status, Words>> = {
  fine: words("OK", "无误"),
  findings: words("FAILED", "发现问题"),
  "not-checked": words("NOT CHECKED", "未检查"),
};

export const MARK: Readonly<Record<Status, string>> = { fine: "✓", findings: "✗", "not-checked": "?" };

interface CheckText {
  readonly name: Words;
  /** What is known when it is fine. */
  readonly means: Words;
}

const CHECKS: Readonly<Record<number, CheckText>> = {
  1: {
    name: words("form of the package", "证据包格式"),
    means: words("The package has the one form that can be checked: safe names, nothing packed, no links.", "证据包符合唯一可核验的格式：文件名安全、未压缩、无链接。"),
  },
  2: {
    name: words("every file as it was packed", "各文件与封装时一致"),
    means: words("Every file was read and has the hash that the package lists. None lacks, none is left over.", "已逐一读取全部文件，校验值与包内清单一致；不缺、不多。"),
  },
  3: {
    name: words("signatures of the checkpoint", "检查点签名"),
    means: words("The state of the log is signed by a key that you trust.", "日志状态由您信任的密钥签名。"),
  },
  4: {
    name: words("growth from an earlier checkpoint", "自先前检查点起只增未改"),
    means: words("The log has only grown since the earlier checkpoint; it was not rewritten.", "自先前检查点以来日志只增加、未改写。"),
  },
  5: {
    name: words("every entry, read strictly", "逐条严格读取"),
    means: words("Every entry of the log that is in the package can be read in one way only.", "包内每条日志条目均只有一种读法。"),
  },
  6: {
    name: words("every chain, proven to be in the log", "每条链均证明在日志中"),
    means: words("The entries are numbered and linked without a hole, and are proven to be in the signed log.", "条目连续编号、逐条相连，并证明在已签名的日志中。"),
  },
  7: {
    name: words("complete up to the closing heads snapshot", "截至收尾链头快照完整"),
    means: words("The record of accesses, disposals and holds is the whole one up to the closing snapshot; nothing was cut off its end.", "使用、处置、保全的登记截至收尾快照是完整的，末尾未被截去。"),
  },
  8: {
    name: words("footage, manifest and records agree", "录像、清单与登记一致"),
    means: words("Each footage file is the one that was recorded, and every recorded segment of the period is here or named as absent.", "每个录像文件即登记时的文件；时段内每个已登记像段或在包内，或注明未提供。"),
  },
  9: {
    name: words("a proof file for each segment", "各像段的证明文件"),
    means: words("Each segment can be proven alone, with its own proof file.", "每个像段可凭其证明文件单独证明。"),
  },
  10: {
    name: words("the export itself is recorded", "本次导出已登记"),
    means: words("The log says that exactly this content was exported, to this recipient, for this case.", "日志登记了本次导出：内容、接收单位、案件编号均一致。"),
  },
  11: {
    name: words("signature over the package", "证据包签名"),
    means: words("The package is signed by an exporter that is known.", "证据包由已知的导出人签名。"),
  },
  12: {
    name: words("disclosures given and withheld", "已披露与未披露的个人信息"),
    means: words("Personal data in the package is what was committed to in the log; what is withheld is listed.", "包内个人信息与日志中的承诺值一致；未披露的均已列明。"),
  },
  13: {
    name: words("time stamps", "时间戳"),
    means: words("A time-stamping authority that you trust has seen the package's checkpoint.", "您信任的时间戳机构已为检查点加盖时间戳。"),
  },
  14: {
    name: words("footage brought separately", "另行提供的录像"),
    means: words("The files that you brought are from this package.", "您另行提供的文件出自本证据包。"),
  },
  15: {
    name: words("seals of the sources", "来源方的封签"),
    means: words("The entries that are sealed were sealed by the sources that submitted them.", "有封签的条目确由其来源方封签。"),
  },
};

export function checkName(number: number): Words {
  return CHECKS[number]?.name ?? words(`check ${number}`, `第 ${number} 项`);
}

export function checkMeaning(number: number): Words | null {
  return CHECKS[number]?.means ?? null;
}

const REASONS: Readonly<Record<string, Words>> = {
  "nothing-to-hold": words("An earlier check left nothing to hold it against.", "前面的检查未能提供比对依据。"),
  "keys-from-package": words(
    "The keys come from the package itself: whoever made the package chose them. Get the log's key elsewhere and check again.",
    "密钥出自证据包自身，由制作者选定。请从他处取得日志公钥后重新核验。",
  ),
  "no-growth-since": words("The package proves growth from no checkpoint.", "本包不含自先前检查点起的增长证明。"),
  "no-earlier": words("The package has no earlier checkpoint.", "本包不含先前检查点。"),
  "growth-other": words("The package proves growth from another checkpoint than yours.", "本包证明的增长起点不是您持有的检查点。"),
  "no-proof-files": words("The package has no proof files; check 6 proves the same.", "本包不含逐段证明文件；第 6 项已证明同样内容。"),
  "signer-only-here": words(
    "The signer's key stands only in the package. Give the exporter's public key to check this.",
    "签名者的公钥仅见于本包。请提供导出人公钥以检查此项。",
  ),
  "signer-algorithm": words(
    "A browser cannot check this exporter's certificate. Use the command custody verify package.",
    "浏览器不能核验此导出人证书，请使用 custody verify package 命令。",
  ),
  "no-stamp": words("The package has no time stamp.", "本包没有时间戳。"),
  "no-root": words("No root certificate of a time-stamping authority was given.", "未提供时间戳机构的根证书。"),
  "stamp-algorithm": words(
    "A browser cannot check the signature of this time stamp. Use the command custody verify package.",
    "浏览器不能核验此时间戳的签名，请使用 custody verify package 命令。",
  ),
  "no-seal": words("No entry of the package is sealed by its source.", "包内没有经来源方封签的条目。"),
  "seals-partial": words("Some seals cover entries that are not in the package.", "部分封签所涵盖的条目不全在包内。"),
  "nothing-brought": words("No footage was brought.", "未另行提供录像。"),
  "footage-unproven": words(
    "The package's own footage is not proven, so nothing can be held against it.",
    "包内录像本身未获证明，不能作为比对依据。",
  ),
  "footage-not-compared": words(
    "A browser does not compare pictures. Use custody verify package --footage for cut or converted files.",
    "浏览器不比对画面内容。剪辑或转换过的文件请使用 custody verify package --footage。",
  ),
};

/** Why a check was not made; in English only where there is no other text. */
export function reasonOf(check: Check): Words | null {
  const known = REASONS[check.reason_code ?? ""];
  return known ?? (check.reason === undefined ? null : words(check.reason, check.reason));
}
