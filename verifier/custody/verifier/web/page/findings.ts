/* What is wrong: first what the checks found, then what the exporter's rules of law found, with their articles. */

import type { Finding, Report } from "../engine/api";
import { checkName } from "./check_texts";
import { citation } from "./citation";
import { codeText } from "./code_texts";
import type { Article, Contents, LawFinding } from "./contents";
import { type Child, el, table, told } from "./dom";
import { SEVERITIES, SUBJECTS } from "./law_texts";
import type { Zone } from "./moment";
import { type Words, fill, numberText, words } from "./words";

function place(one: Finding): Child {
  return [
    one.path !== undefined && el("span", { class: "part" }, told(one.path, "mono")),
    one.chain !== undefined && el("span", { class: "part" }, words("chain ", "链 "), told(one.chain, "mono")),
    one.index !== undefined && el("span", { class: "part" }, fill(words("entry {index}", "条目 {index}"), { index: one.index })),
  ];
}

/** Detail of a finding: English, a stranger's text. */
function detail(one: Finding): Child {
  const known = codeText(one.code);
  const message = told(one.message, known === null ? "" : "part soft");
  message.lang = "en";
  return [el("span", { class: "tag" }, known ?? told(one.code)), message];
}

export function findingsOf(report: Report): HTMLElement {
  const numbers = [...new Set(report.findings.map((one) => one.check))].sort((a, b) => a - b);
  const omitted = Object.entries(report.omitted);
  return el("section", { "aria-labelledby": "h-findings" },
    el("h2", { id: "h-findings" }, words("Findings of the checks", "核验发现的问题")),
    numbers.length === 0 && el("p", {}, words("None.", "无。")),
    ...numbers.map((number) => el("div", {},
      el("h3", { id: `check-${number}` }, `${number} `, checkName(number)),
      table(words("Findings of this check", "本项发现的问题"), [words("Finding", "问题"), words("Where", "位置"), words("Code", "代码")],
        report.findings.filter((one) => one.check === number).map((one) => [detail(one), place(one), told(one.code, "mono")]), "found"))),
    omitted.length > 0 && el("p", { class: "not-checked" }, words("More of the same kind are counted, not listed: ", "同类问题仅计数、未列出："),
      omitted.map(([code, count]) => [told(code, "mono"), ` +${numberText(count)}  `])),
  );
}

const COLOURS: Readonly<Record<string, string>> = { critical: "findings", major: "findings", minor: "not-checked", info: "soft" };

function lawRow(one: LawFinding, zone: Zone): Child[] {
  const known = SEVERITIES[one.severity];
  return [
    el("b", { class: COLOURS[one.severity] ?? "not-checked" }, known ?? told(one.severity)),
    [el("span", { class: "tag" }, eitherLanguage(one.text)), el("span", { class: "part soft" }, SUBJECTS[one.subjectKind] ?? "", " ", told(one.subject, "mono"), " ", told(one.code, "mono"))],
    zone.span(one.fromUs, one.toUs),
    one.articles.map((article) => el("span", { class: "part" }, cited(article))),
    one.indexes.join(", "),
  ];
}

const cited = (article: Article): Child => citation(article.id) ?? told(article.id);

function articleTable(law: readonly LawFinding[]): HTMLElement | null {
  const articles = new Map(law.flatMap((one) => one.articles).map((one) => [one.id, one]));
  if (articles.size === 0) {
    return null;
  }
  const rows = [...articles.values()].sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true })).map((one) => [
    cited(one),
    [languages(one.text.en, `${one.text.zh}${one.quoted ? "" : " *"}`)],
  ]);
  return el("div", {},
    el("h3", {}, words("Articles cited", "所引条款")),
    table(words("Articles cited", "所引条款"), [words("Article", "条款"), words("Text", "条文")], rows, "articles"),
    el("p", { class: "soft" }, words("* a short paraphrase, not the wording of the law; the published Chinese text decides. English texts are translations.", "* 为摘要转述，非条文原文；以公布的中文文本为准。")),
  );
}

/** A stranger's text that is there in both languages. */
function eitherLanguage(text: Words): Child {
  return [el("span", { lang: "en" }, told(text.en)), el("span", { lang: "zh-Hans" }, told(text.zh))];
}

/** The Chinese text always, the English one besides for who reads English. */
function languages(en: string, zh: string): HTMLElement {
  const english = el("span", { lang: "en" }, told(en));
  const chineseText = told(zh, "part");
  chineseText.lang = "zh-Hans";
  return el("span", {}, english, chineseText);
}

export function lawFindings(contents: Contents, zone: Zone): HTMLElement {
  const law = contents.law;
  return el("section", { "aria-labelledby": "h-law" },
    el("h2", { id: "h-law" }, words("Findings of law", "依照规则的发现")),
    el("p", { class: "soft" }, words(
      "As the exporter's rules found them and wrote them into the package. This page does not judge by rules of law; checks 2, 10 and 11 say whether the text is the one that was exported.",
      "由导出程序按规则得出并写入证据包。本网页不作规则评判；所列文字是否为导出时的内容，见第 2、10、11 项检查。",
    )),
    law === null ? el("p", { class: "not-checked" }, words("The package has no list of findings that can be read.", "证据包内没有可读取的发现列表。"))
      : law.length === 0 ? el("p", {}, words("None.", "无。"))
        : [
          table(words("Findings of law", "依照规则的发现"), [words("Severity", "程度"), words("Finding", "发现"), words("When", "时间"), words("Articles", "条款"), words("Entries", "条目")], law.map((one) => lawRow(one, zone)), "law"),
          contents.lawLeftOut > 0 && el("p", { class: "not-checked" }, fill(words("{more} further findings are not listed.", "另有 {more} 项未列出。"), { more: numberText(contents.lawLeftOut) })),
          articleTable(law),
        ],
  );
}
