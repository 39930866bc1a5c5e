/* What a printed report needs to stand alone: which package, checked with what, when, and whose keys; signatures at its end. */

import type { Limit, Report } from "../engine/api";
import type { Contents } from "./contents";
import { type Child, el, told } from "./dom";
import type { Zone } from "./moment";
import { TRUST_KINDS, type TrustFile } from "./trust_files";
import { byReason } from "./verdict";
import { type Words, bytesText, fill, numberText, words } from "./words";

export interface Checked {
  readonly report: Report;
  readonly contents: Contents;
  readonly zone: Zone;
  /** By this computer's clock. */
  readonly atUs: number;
  readonly given: readonly TrustFile[];
}

const TRUST: Readonly<Record<Report["trust"], Words>> = {
  key: words("the key of the log, given by the reader", "读者提供的日志公钥"),
  policy: words("a trust policy, given by the reader", "读者提供的信任策略"),
  package: words("KEYS FROM THE PACKAGE ITSELF (weaker)", "证据包自带的密钥（证明力较弱）"),
  none: words("none: no key opened the checkpoint", "无：没有密钥能验证检查点"),
};

const LIMITS: Readonly<Record<Limit, Words>> = {
  "exporter-revocation": words("whether the exporter's certificate was revoked: no revocation list of its authority was given", "导出人证书是否已被吊销：未提供其签发机构的吊销列表"),
  "timestamp-revocation": words("whether the time-stamping authority's certificate was revoked: no revocation list of its authority was given", "时间戳机构的证书是否已被吊销：未提供其签发机构的吊销列表"),
};

function lines(values: readonly string[]): Child {
  return values.length === 0 ? "—" : values.map((one) => el("span", { class: "part" }, told(one, "mono")));
}

const WHOSE: Readonly<Record<string, Words>> = {
  "registered in the log": words("registered in the log", "已在日志登记"),
  "given key": words("key given by the reader", "读者提供的公钥"),
};

/** The engine says in English whose a key is; a certificate's subject stays as it is. */
function signerLines(signers: readonly string[]): Child {
  return signers.length === 0 ? "—" : signers.map((one) => {
    const [, id = one, whose = ""] = /^([0-9a-f]{64}) \((.*)\)$/.exec(one) ?? [];
    const known = WHOSE[whose];
    return el("span", { class: "part" }, known === undefined ? told(one, "mono") : [told(id, "mono"), words(` (${known.en})`, `（${known.zh}）`)]);
  });
}

export function facts({ report, contents, zone, atUs, given }: Checked): HTMLElement {
  const rows: [Words, Child][] = [
    [words("Package", "证据包"), told(report.package, "mono")],
    [words("SHA-256 of its manifest-sha256.txt", "manifest-sha256.txt 的 SHA-256"), contents.digest === "" ? "—" : told(contents.digest, "mono")],
    [words("Log", "日志"), [told(report.log.origin || "—", "mono"), report.log.size > 0 && fill(words(" ({size} entries)", "（{size} 条）"), { size: numberText(report.log.size) })]],
    [words("Case", "案件编号"), told(report.case_number || "—")],
    [words("Given to", "接收单位"), told(report.recipient || "—")],
    [words("Prepared", "封装截至"), contents.preparedUs > 0 ? `${zone.show(contents.preparedUs)} (${zone.name})` : "—"],
    [words("Contents", "内容"), fill(words("{files} footage files, {size}; {absent} recorded segments absent; {entries} entries of the log", "录像文件 {files} 个，{size}；已登记未提供 {absent} 段；日志条目 {entries} 条"), {
      files: numberText(report.files), size: bytesText(report.footage_bytes), absent: numberText(report.absent), entries: numberText(report.entries),
    })],
    [words("Trust", "信任依据"), [el("b", { class: report.trust === "package" || report.trust === "none" ? "not-checked" : "" }, TRUST[report.trust]), report.keys.length > 0 && lines(report.keys)]],
    [words("Given by the reader", "读者提供"), given.length === 0 ? words("nothing", "无") : given.map((one) => el("span", { class: "part" }, TRUST_KINDS[one.kind], one.name === "+" ? "" : [" ", told(one.name, "mono")]))],
    [words("Cosigned by", "见证签名"), lines(report.cosigners)],
    [words("Package signed by (SHA-256 of the key)", "证据包签名密钥（SHA-256）"), signerLines(report.signers)],
    [words("Time stamps", "时间戳"), lines(report.time_stamps)],
    ...report.limits.map((one): [Words, Child] => [words("Not looked at", "未予检查"), el("span", { class: "not-checked" }, LIMITS[one])]),
    [words("Recorded before", "登记不晚于"), report.recorded_before === "" ? "—" : [told(report.recorded_before), words(" (earliest verified time stamp)", "（最早的有效时间戳）")]],
    [words("Sealed by their source", "经来源方封签"), fill(words(report.sealed === 1 ? "{count} entry" : "{count} entries", "{count} 条"), { count: numberText(report.sealed) })],
    [words("Checked", "核验时间"), [`${zone.show(atUs)} (${zone.name})`, words(", by the clock of this computer", "，以本机时钟为准")]],
    [words("Checked with", "核验工具"), [`verify.html ${CUSTODY_VERSION}`, el("span", { class: "part soft mono" }, words("sources ", "源代码 "), CUSTODY_SOURCES)]],
  ];
  return el("table", { class: "facts" }, el("caption", { class: "unseen" }, words("The package and this check", "证据包与本次核验")),
    el("tbody", {}, ...rows.map(([name, value]) => el("tr", {}, el("th", { scope: "row", class: "key" }, name), el("td", {}, value)))));
}

/** Everything that was not checked, in one place; "not checked" is never shown as "fine". */
export function notChecked(report: Report): HTMLElement {
  const open = report.checks.filter((one) => one.status === "not-checked");
  return el("section", { "aria-labelledby": "h-not-checked" },
    el("h2", { id: "h-not-checked" }, words("What was not checked", "未检查的内容")),
    el("ul", { class: "plain" },
      ...byReason(open).map((one) => el("li", {}, one)),
      ...report.limits.map((one) => el("li", {}, LIMITS[one])),
      ...NEVER.map((one) => el("li", {}, one))),
  );
}

/** docs/spec/verification.md, "What the page does not check". */
const NEVER: readonly Words[] = [
  words("Whether what is recorded is lawful: the findings of law are the exporter's.", "所登记的行为是否合法：依照规则的发现由导出程序得出。"),
  words("The coded pictures of footage: this page compares whole files.", "录像画面编码：本网页按整个文件比对。"),
  words("Where an entry in the middle of a part of the log stands among those of other cameras.", "日志片段中间条目在其他摄像机条目之间的位置。"),
  words("Whether this page itself is genuine: compare its SHA-256 with one that you got elsewhere, or check with custody verify package too.", "本网页自身是否真实：请将其 SHA-256 与从他处取得的值比对，或同时使用 custody verify package 核验。"),
];

const SIGNERS: readonly Words[] = [
  words("Checked by", "核验人"),
  words("Second person", "复核人"),
  words("Witness", "见证人"),
];

/** For paper only. */
export function signatures(): HTMLElement {
  return el("section", { class: "paper", "aria-labelledby": "h-sign" },
    el("h2", { id: "h-sign" }, words("Signatures", "签字")),
    el("p", {}, words("The undersigned have made or seen this check. It says what was found in the package named above, as far as it was checked; it is no judgement on a person.", "下列签字人进行或见证了本次核验。本报告仅说明对上述证据包在已检查范围内的发现，不构成对任何个人的认定。")),
    el("table", { class: "sign" },
      el("thead", {}, el("tr", {}, el("th"), el("th", { scope: "col" }, words("Name and unit", "姓名与单位")), el("th", { scope: "col" }, words("Signature or seal", "签字或盖章")), el("th", { scope: "col" }, words("Date", "日期")))),
      el("tbody", {}, ...SIGNERS.map((one) => el("tr", {}, el("th", { scope: "row" }, one), el("td"), el("td"), el("td"))))));
}

/** A line on the head of every printed sheet; hexadecimal digits and figures only, so nothing of a stranger gets into a style. */
export function sheetHead(checked: Checked): CSSStyleSheet {
  const digest = /^[0-9a-f]{64}$/.test(checked.contents.digest) ? checked.contents.digest : "-";
  const sheet = new CSSStyleSheet();
  const font = 'font: 7.5pt "Noto Sans", Arial, sans-serif; color: #555;';
  sheet.replaceSync(`@page {
    @top-left { content: "manifest-sha256.txt  SHA-256 ${digest}"; ${font} white-space: nowrap; }
    @top-right { content: "${checked.zone.show(checked.atUs)} ${checked.zone.name.replace(/[^A-Z0-9:+-]/g, "")}"; ${font} white-space: nowrap; }
    @bottom-left { content: "verify.html ${CUSTODY_VERSION}"; ${font} }
  }`);
  return sheet;
}
