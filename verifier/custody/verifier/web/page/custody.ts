/* Who looked at the footage, copied it, was given it; holds and disposals: in the order of the log, and whether that is all. */

import type { EventItem, Report } from "../engine/api";
import { type Child, el, fillWith, button, table, told } from "./dom";
import { ACCESS_KINDS, ACTS, KINDS } from "./law_texts";
import type { Zone } from "./moment";
import { fill, numberText, words } from "./words";

/** Rows that are laid out at once; the rest on demand. */
const PORTION = 500;

interface Told {
  readonly event: EventItem;
  readonly streams: readonly string[];
}

/** One entry may concern several streams: it stands once, with all of them. */
function once(report: Report): Told[] {
  const found = new Map<number, { event: EventItem; streams: string[] }>();
  for (const line of report.timeline.streams) {
    for (const event of line.events) {
      const known = found.get(event.index);
      if (known === undefined) {
        found.set(event.index, { event, streams: [line.stream] });
      } else if (!known.streams.includes(line.stream)) {
        known.streams.push(line.stream);
      }
    }
  }
  return [...found.values()].sort((a, b) => a.event.index - b.event.index);
}

function row({ event, streams }: Told, zone: Zone): Child[] {
  const act = ACTS[event.act];
  const concerned = event.from_us < event.to_us;
  return [
    String(event.index),
    zone.show(event.at_us),
    [KINDS[event.kind] ?? told(event.kind), event.act !== "" && el("b", { class: "part" }, act ?? told(event.act))],
    [...streams.map((one) => el("span", { class: "part" }, told(one, "mono"))), concerned && el("span", { class: "part soft" }, zone.span(event.from_us, event.to_us))],
    event.case_number === "" ? "—" : told(event.case_number),
    event.recipient === "" ? "—" : told(event.recipient),
    told(event.submitter, "mono"),
  ];
}

function events(rows: readonly Told[], zone: Zone, name: { en: string; zh: string }): HTMLElement {
  const heads = [words("Entry", "条目"), words("When", "时间"), words("Act", "行为"), words("Camera and footage", "摄像机与录像时段"), words("Case", "案件编号"), words("Given to", "接收单位"), words("Entered by", "登记主体")];
  const shown = el("div");
  let count = PORTION;
  const draw = (): void => {
    fillWith(shown, table(name, heads, rows.slice(0, count).map((one) => row(one, zone)), "events"),
      rows.length > count && el("p", {}, fill(words("{more} more. ", "另有 {more} 条。"), { more: numberText(rows.length - count) }), button(words("Show more", "显示更多"), () => {
        count += PORTION * 4;
        draw();
      })));
  };
  draw();
  return shown;
}

/** Whether the list is the whole list is what check 7 answers. */
function completeness(report: Report): HTMLElement {
  const status = (number: number): string | undefined => report.checks.find((one) => one.number === number)?.status;
  if ([3, 5, 6, 7].every((number) => status(number) === "fine")) {
    return el("p", {}, el("b", { class: "fine" }, "✓ "), words("This is the whole list that the log has, up to the closing snapshot (checks 6 and 7).", "以下为日志中截至收尾快照的全部登记（第 6、7 项检查）。"));
  }
  return el("p", { class: "warning" }, "⚠ ", words("It is not proven that this list is whole or right: see checks 3, 5, 6 and 7.", "未能证明以下登记完整或属实：见第 3、5、6、7 项检查。"));
}

export function custody(report: Report, zone: Zone): HTMLElement {
  const every = once(report);
  const accesses = every.filter((one) => ACCESS_KINDS.has(one.event.kind));
  const others = every.filter((one) => !ACCESS_KINDS.has(one.event.kind));
  return el("section", { "aria-labelledby": "h-custody" },
    el("h2", { id: "h-custody" }, words("Who had access", "使用登记")),
    completeness(report),
    el("p", { class: "soft" }, fill(words("Times are {zone}. Names of persons are in the package only as far as they were disclosed; see the reports in it.", "时间为 {zone}。人员姓名仅在已披露的范围内包含于证据包中，见包内报告。"), { zone: zone.name })),
    accesses.length === 0 ? el("p", {}, words("No access is recorded.", "无使用登记。")) : events(accesses, zone, words("Accesses", "使用登记")),
    el("h3", {}, words("Holds, disposals, faults and other facts", "保全、处置、故障及其他登记")),
    others.length === 0 ? el("p", {}, words("None.", "无。")) : events(others, zone, words("Other facts", "其他登记")),
  );
}
