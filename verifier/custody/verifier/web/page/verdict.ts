/* The answer in plain words, what follows from it, and what nobody can conclude from it. */

import type { Check, Report, Status } from "../engine/api";
import { MARK, checkMeaning, checkName, reasonOf } from "./check_texts";
import { type Child, el } from "./dom";
import { type Words, fill, words } from "./words";

const TITLE: Readonly<Record<Status, Words>> = {
  fine: words("Everything that must be checked was checked, and nothing is wrong.", "应检查的内容均已检查，未发现问题。"),
  findings: words("Something was checked and is wrong. Do not rely on this package before that is explained.", "已检查的内容存在问题。在问题得到解释之前，请勿依赖本证据包。"),
  "not-checked": words("Nothing wrong was found, but this proves little: not everything that must be checked could be checked.", "未发现问题，但证明力有限：有应当检查的内容未能检查。"),
};

const WORD: Readonly<Record<Status, Words>> = {
  fine: words("Verdict: OK", "结论：无误"),
  findings: words("Verdict: FAILED", "结论：发现问题"),
  "not-checked": words("Verdict: NOT CHECKED", "结论：未检查"),
};

/** What the checks of a good package add up to (what this was made for). */
const PROVEN: readonly Words[] = [
  words("This footage is what was recorded then: no file was altered.", "录像即当时所录：没有文件被改动。"),
  words("No recorded segment of the period was taken out unnoticed: each is here or named as absent. Gaps are shown below.", "时段内已登记的像段未被暗中抽走：或在包内，或注明未提供。中断见下文。"),
  words("The list of who looked at it, copied it or was given it is the whole list that the log has, up to the closing snapshot.", "查看、查阅、调取、复制、提供、公开的登记，截至收尾快照是日志中的全部。"),
];

const LIMITS = words(
  "It does not prove that a camera showed the truth, that its clock was right, or that nobody used footage past the access desk.",
  "核验不能证明：摄像机所摄即为事实；设备时钟准确；无人绕过登记使用录像。",
);

const UNWITNESSED = words(
  " No witness of a given policy cosigned this state of the log: that its operator showed others another history is not excluded.",
  "没有所给策略中的见证人为该日志状态签名：不能排除日志运营方向他人出示了另一份历史。",
);

export function verdict(report: Report): HTMLElement {
  const failed = report.checks.filter((one) => one.status === "findings");
  const open = report.checks.filter((one) => one.status === "not-checked" && !report.optional.includes(one.number));
  return el("section", { "aria-labelledby": "h-verdict" },
    el("h2", { id: "h-verdict", tabindex: -1, class: `verdict ${report.verdict}` }, `${MARK[report.verdict]} `, WORD[report.verdict]),
    el("p", { class: "lead" }, TITLE[report.verdict]),
    weak(report),
    report.verdict === "fine" && el("ul", { class: "plain" }, ...proven(report).map((one) => el("li", {}, one))),
    failed.length > 0 && reasons(words("Failed:", "发现问题的项目："), failed.map((one) => [`${one.number} `, checkName(one.number)])),
    open.length > 0 && reasons(words("Not checked, though it must be:", "应检查而未检查的项目："), byReason(open)),
    el("p", { class: "soft" }, LIMITS, report.verdict === "fine" && report.cosigners.length === 0 && UNWITNESSED),
  );
}

function proven(report: Report): Words[] {
  const grown = report.checks.find((one) => one.number === 4)?.status === "fine";
  const cosigned = report.cosigners.length;
  return [
    ...PROVEN,
    ...(grown ? [words("The log was not rewritten since the earlier checkpoint.", "自先前检查点以来日志未被改写。")] : []),
    ...(cosigned > 0 ? [fill(words("Witnesses of your policy that cosigned this state of the log: {count}.", "信任策略所列见证人中，已为该日志状态签名的：{count} 个。"), { count: cosigned })] : []),
  ];
}

/** Checks that were not made, those with one reason together: `5 name; 6 name: reason`. */
export function byReason(open: readonly Check[]): Child[][] {
  const groups = new Map<string, Check[]>();
  for (const one of open) {
    const reason = reasonOf(one)?.en ?? "";
    groups.set(reason, [...(groups.get(reason) ?? []), one]);
  }
  return [...groups.values()].map((group) => [
    ...group.flatMap((one, at): Child[] => [at > 0 ? words("; ", "；") : null, `${one.number} `, checkName(one.number)]),
    words(": ", "："), reasonOf(group[0] as Check) ?? "",
  ]);
}

function reasons(head: Words, rows: readonly (readonly Child[])[]): HTMLElement {
  return el("div", {}, el("p", {}, el("b", {}, head)), el("ul", { class: "plain" }, ...rows.map((row) => el("li", {}, row))));
}

function weak(report: Report): HTMLElement | null {
  if (report.trust !== "package") {
    return null;
  }
  return el("p", { class: "warning" }, "⚠ ", words(
    "WEAKER: checked with the keys that lie in the package. Whoever made the package could choose them. Check again with a key of the log from elsewhere.",
    "证明力较弱：使用的是证据包自带的密钥，制作者可以任意选定。请以从他处取得的日志公钥重新核验。",
  ));
}

/** The numbered checks; the result is a mark and a word, and only then a colour. */
export function checkTable(report: Report): HTMLElement {
  const rows = report.checks.map((one) => {
    const reason = one.status === "not-checked" ? reasonOf(one) : null;
    const optional = one.status === "not-checked" && report.optional.includes(one.number);
    const means = one.status === "fine" ? checkMeaning(one.number) : null;
    return el("tr", { "data-check": one.number, "data-status": one.status },
      el("td", { class: "number" }, String(one.number)),
      el("th", { scope: "row" }, checkName(one.number)),
      el("td", { class: `status ${one.status}` }, el("span", { "aria-hidden": "true" }, `${MARK[one.status]} `), one.status === "fine" ? words("OK", "无误") : one.status === "findings" ? words("FAILED", "发现问题") : words("NOT CHECKED", "未检查")),
      el("td", {}, one.status === "findings" ? el("a", { href: `#check-${one.number}` }, words("see findings", "见发现的问题")) : (reason ?? means),
        optional && el("span", { class: "part soft" }, words("Needs something that not every package or reader has; does not change the verdict.", "并非每个证据包或读者都具备；不影响结论。"))));
  });
  return el("section", { "aria-labelledby": "h-checks" },
    el("h2", { id: "h-checks" }, words("What was checked", "检查内容")),
    el("div", { class: "scroll" },
      el("table", { class: "checks" },
        el("caption", { class: "unseen" }, words("Numbered checks", "逐项检查")),
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "#"), el("th", { scope: "col" }, words("Check", "检查项")), el("th", { scope: "col" }, words("Result", "结果")), el("th", { scope: "col" }, words("What that means", "说明")))),
        el("tbody", {}, ...rows))),
    el("p", { class: "soft" }, words("The numbers are those of the command custody verify package.", "编号与命令 custody verify package 相同。")),
  );
}
