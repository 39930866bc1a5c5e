/* The whole result, in the order in which somebody reads it: verdict, facts, checks, what is wrong, time, access, footage. */

import { type Checked, facts, notChecked, signatures } from "./cover";
import { custody } from "./custody";
import { derivedCopies } from "./derived";
import { button, el } from "./dom";
import { findingsOf, lawFindings } from "./findings";
import { Lookup } from "./lookup";
import { SegmentList } from "./segments";
import { legend, patterns, streamTimeline } from "./timeline";
import { checkTable, verdict } from "./verdict";
import { words } from "./words";

export function result(checked: Checked, again: () => void): HTMLElement {
  const { report, contents, zone } = checked;
  const lines = report.timeline.streams;
  const law = contents.law ?? [];
  return el("article", { class: "result" },
    patterns(),
    el("p", { class: "buttons screen" },
      button(words("Print this report …", "打印报告……"), () => globalThis.print(), { "data-role": "print" }),
      button(words("Check another package", "核验另一证据包"), again, { "data-role": "again" })),
    verdict(report),
    facts(checked),
    checkTable(report),
    findingsOf(report),
    notChecked(report),
    lines.length > 0 && el("section", { "aria-labelledby": "h-timeline" },
      el("h2", { id: "h-timeline" }, words("Timeline", "时间线")),
      el("p", { class: "soft" }, words("Drawn from the entries in the package. A gap counts as explained only where an entry declares it; silence up to 2 seconds is how recorders change files.", "依据包内登记条目绘制。仅有登记条目说明的中断视为已说明；2 秒以内的间隔为录像设备切换文件所致。")),
      legend(),
      ...lines.map((line) => streamTimeline(line, law.filter((one) => one.subject === line.stream), contents.preparedUs, zone))),
    report.timeline.truncated && el("p", { class: "warning" }, "⚠ ", words("There is more than this page shows; every entry was checked all the same.", "内容超出本网页可显示的数量；检查已覆盖全部条目。")),
    lines.length === 0
      ? el("p", { class: "warning" }, "⚠ ", words("The entries of this package could not be read, so there is nothing to show of footage, time and access.", "本包的登记条目无法读取，因此没有可显示的录像、时间线和使用登记。"))
      : [lawFindings(contents, zone), custody(report, zone), new SegmentList(report, contents, zone).element, new Lookup(report, contents, zone).element],
    derivedCopies(report),
    signatures(),
  );
}
