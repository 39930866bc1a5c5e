/* Copies in which something was made unrecognisable: not footage, bound to their source by a record. */

import type { Report } from "../engine/api";
import { el, table, told } from "./dom";
import { fill, words } from "./words";

export function derivedCopies(report: Report): HTMLElement | null {
  if (report.derived.length === 0) {
    return null;
  }
  const rows = report.derived.map((one) => [
    told(one.path, "mono"),
    [told(one.transform), one.tool !== "" && el("span", { class: "part soft" }, told(one.tool))],
    one.sources.map((source) => el("span", { class: "part" }, told(source.stream, "mono"),
      fill(source.first === source.last ? words(" segment {first}: ", " 第 {first} 段：") : words(" segments {first} to {last}: ", " 第 {first} 至 {last} 段："), { first: source.first, last: source.last }),
      source.given ? words("in the package", "在包内") : el("b", {}, fill(words("not in the package, ask for it by entry {index}", "不在包内，可凭登记条目 {index} 调取"), { index: one.index })))),
    String(one.index),
  ]);
  return el("section", { "aria-labelledby": "h-derived" },
    el("h2", { id: "h-derived" }, words("Derived copies", "派生副本")),
    el("p", {}, words("Processed copies (redacted), not the footage as it was recorded.", "经遮挡等处理的副本，并非原始录像。")),
    table(words("Derived copies", "派生副本"), [words("File", "文件"), words("Transform", "处理方式"), words("Source", "原始录像"), words("Entry", "条目")], rows));
}
