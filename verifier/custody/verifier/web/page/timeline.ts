/*
 * One stream's time as inline SVG: footage and gaps, accesses, holds and disposals, findings. A path a kind, at most a
 * column a pixel: a gap of a minute in a month is one column wide and never vanishes. Kinds differ by pattern and place as
 * well as by colour. The tables below the picture say the same in text.
 */

import type { EventItem, StreamLine } from "../engine/api";
import type { LawFinding } from "./contents";
import { type Stretch, axisOf, coverage } from "./coverage";
import { el, svg, table, told } from "./dom";
import { ACCESS_KINDS, GAP_REASONS, HOLD_KINDS, STRETCHES } from "./law_texts";
import { type Zone, lengthText } from "./moment";
import { type Words, fill, numberText, words } from "./words";

const LEFT = 150;
const WIDTH = 960;
const HEIGHT = 16;
const LANE = 24;
const TOP = 26;
/** Rows of a table in the page; more are counted. */
export const MAX_ROWS = 500;

type Span = readonly [number, number];

interface Lane {
  readonly name: Words;
  readonly layers: readonly { readonly name: string; readonly spans: readonly Span[] }[];
}

function spansOf(items: readonly { from_us: number; to_us: number }[]): Span[] {
  return items.map((one) => [one.from_us, one.to_us]);
}

function path(spans: readonly Span[], axis: Span, y: number): string {
  const [from, to] = axis;
  const column = (at: number): number => Math.max(0, Math.min(WIDTH, Math.floor(((at - from) * WIDTH) / (to - from))));
  const columns: [number, number][] = [];
  for (const [begin, end] of [...spans].sort((a, b) => a[0] - b[0])) {
    if (begin < to && (end > from || (begin === end && begin >= from))) {
      const left = Math.min(column(begin), WIDTH - 1);
      const right = Math.max(left + 1, column(end));
      const last = columns.at(-1);
      if (last !== undefined && left <= last[1]) {
        last[1] = Math.max(right, last[1]);
      } else {
        columns.push([left, right]);
      }
    }
  }
  return columns.map(([left, right]) => `M${LEFT + left} ${y}h${right - left}v${HEIGHT}h${left - right}z`).join("");
}

function both(x: number, y: number, text: Words): SVGElement[] {
  return [svg("text", { x, y, lang: "en" }, text.en), svg("text", { x, y, lang: "zh-Hans" }, text.zh)];
}

function lanes(line: StreamLine, stretches: readonly Stretch[], law: readonly LawFinding[]): Lane[] {
  const of = (kind: Stretch["kind"]): Span[] => spansOf(stretches.filter((one) => one.kind === kind));
  const states = (...names: string[]): Span[] => spansOf(line.segments.filter((one) => names.includes(one.state)));
  const events = (holds: (one: EventItem) => boolean): Span[] => spansOf(line.events.filter(holds));
  const found = (...severities: string[]): Span[] =>
    law.filter((one) => severities.includes(one.severity)).map((one) => [one.fromUs, one.toUs]);
  return [
    {
      name: words("footage", "录像"),
      layers: [
        { name: "recorded", spans: of("recorded") }, { name: "absent", spans: states("absent") },
        { name: "declared-gap", spans: of("declared") }, { name: "unexplained-gap", spans: of("unexplained") },
        { name: "bad-segment", spans: states("altered", "missing") },
      ],
    },
    { name: words("accesses", "使用"), layers: [{ name: "accessed", spans: events((one) => ACCESS_KINDS.has(one.kind)) }] },
    {
      name: words("holds, disposals", "保全、处置"),
      layers: [
        { name: "held", spans: events((one) => HOLD_KINDS.has(one.kind)) },
        { name: "disposed", spans: events((one) => one.kind === "disposal") },
      ],
    },
    {
      name: words("findings", "发现"),
      layers: [{ name: "minor-finding", spans: found("minor") }, { name: "major-finding", spans: found("major", "critical") }],
    },
  ];
}

function picture(line: StreamLine, stretches: readonly Stretch[], law: readonly LawFinding[], axis: Span, zone: Zone): SVGElement {
  const rows = lanes(line, stretches, law);
  const bottom = TOP + rows.length * LANE;
  const shown = svg("svg", { viewBox: `0 0 ${LEFT + WIDTH} ${bottom + 4}`, role: "img", "aria-label": summary(stretches, axis) });
  const at = (time: number): number => LEFT + ((time - axis[0]) * WIDTH) / (axis[1] - axis[0]);
  for (const tick of zone.ticks(axis[0], axis[1], 8)) {
    const x = at(tick.at_us);
    shown.append(svg("path", { class: "grid", d: `M${x} ${TOP - 6}V${bottom}` }), svg("text", { x: Math.min(x + 3, LEFT + WIDTH - 62), y: 15, class: "tick" }, tick.label));
  }
  rows.forEach((lane, number) => {
    const y = TOP + number * LANE;
    shown.append(svg("path", { class: "ground", d: path([axis], axis, y) }), ...both(0, y + 13, lane.name));
    for (const layer of lane.layers) {
      const d = path(layer.spans, axis, y);
      if (d !== "") {
        shown.append(svg("path", { class: layer.name, d }));
      }
    }
  });
  for (const edge of [line.from_us, line.to_us]) {
    if (edge > axis[0] && edge < axis[1]) {
      shown.append(svg("path", { class: "edge", d: `M${at(edge)} ${TOP - 4}V${bottom}` }));
    }
  }
  return shown;
}

/** In words, for whoever does not see the picture: the share of each kind. */
function summary(stretches: readonly Stretch[], axis: Span): Words {
  const share = (kind: Stretch["kind"]): string => {
    const sum = stretches.filter((one) => one.kind === kind).reduce((total, one) => total + Math.min(one.to_us, axis[1]) - Math.max(one.from_us, axis[0]), 0);
    return ((sum * 100) / (axis[1] - axis[0])).toFixed(2);
  };
  const kinds = ["recorded", "declared", "unexplained"] as const;
  return {
    en: kinds.map((kind) => `${STRETCHES[kind].en} ${share(kind)} %`).join(", "),
    zh: kinds.map((kind) => `${STRETCHES[kind].zh} ${share(kind)}%`).join("，"),
  };
}

function gapTable(stretches: readonly Stretch[], zone: Zone): HTMLElement {
  const gaps = stretches.filter((one) => one.kind !== "recorded");
  if (gaps.length === 0) {
    return el("p", {}, words("No gaps: every moment of the time shown is recorded.", "无中断：所示时段均有录像登记。"));
  }
  const rows = gaps.slice(0, MAX_ROWS).map((one) => [
    zone.show(one.from_us), zone.show(one.to_us), lengthText(one.to_us - one.from_us),
    el("b", { class: one.kind === "unexplained" ? "findings" : "" }, STRETCHES[one.kind]),
    one.kind === "declared" ? (GAP_REASONS[one.reason] ?? told(one.reason)) : "—",
  ]);
  return el("div", {},
    table(words("Gaps", "中断"), [words("From", "起"), words("To", "止"), words("Length", "时长"), words("Gap", "类别"), words("Reason given", "所述原因")], rows),
    gaps.length > MAX_ROWS && el("p", { class: "not-checked" }, fill(words("{more} further gaps are not listed.", "另有 {more} 处中断未列出。"), { more: numberText(gaps.length - MAX_ROWS) })),
  );
}

const LEGEND: readonly (readonly [string, Words])[] = [
  ["recorded", words("recorded", "已录像")], ["absent", words("recorded, not in the package", "已登记，未提供")],
  ["bad-segment", words("altered or missing", "被改动或缺失")], ["declared-gap", words("declared gap", "已说明的中断")],
  ["unexplained-gap", words("unexplained gap", "未说明的中断")], ["accessed", words("footage accessed", "被使用的录像")],
  ["held", words("held", "保全")], ["disposed", words("disposed of", "已处置")],
  ["minor-finding", words("minor finding", "轻微发现")], ["major-finding", words("major finding", "较重发现")],
];

export function legend(): HTMLElement {
  return el("div", { class: "legend" }, ...LEGEND.map(([name, text]) =>
    el("span", { class: "key" }, svg("svg", { viewBox: "0 0 34 16", "aria-hidden": "true" }, svg("path", { class: "ground", d: "M0 0h34v16h-34z" }), svg("path", { class: name, d: "M0 0h34v16h-34z" })), text)));
}

/** Patterns that the kinds are filled with; once in the document. */
export function patterns(): SVGElement {
  const made = svg("svg", { class: "defs", "aria-hidden": "true" });
  const pattern = (id: string, ground: string, mark: string, color: string): SVGElement =>
    svg("pattern", { id, width: 7, height: 7, patternUnits: "userSpaceOnUse" },
      svg("rect", { width: 7, height: 7, fill: ground }), svg("path", { d: mark, stroke: color, "stroke-width": 1.6, fill: "none" }));
  made.append(svg("defs", {},
    pattern("p-disposed", "#e3e6ea", "M2.5 3.5h2", "#76808c"),
    pattern("p-declared", "#fdf0c8", "M-1 8L8 -1M-3 3L3 -3M4 10L10 4", "#a77400"),
    pattern("p-absent", "#eef3ef", "M-1 -1L8 8M4 -3L10 3M-3 4L3 10", "#5d8a69"),
    pattern("p-bad", "#fff", "M0 0L7 7M7 0L0 7", "#b3151b"),
    pattern("p-access", "#dbe6f5", "M0 3.5h7", "#1f4e8c"),
    pattern("p-minor", "#fff4d6", "M3.5 0v7", "#8a5300"),
  ));
  return made;
}

export function streamTimeline(line: StreamLine, law: readonly LawFinding[], preparedUs: number, zone: Zone): HTMLElement {
  const axis = axisOf(line, preparedUs);
  const stretches = coverage(line, axis);
  return el("div", { class: "stream" },
    el("h3", {}, told(line.stream, "mono")),
    el("p", { class: "soft" }, fill(words("Exported period {period} ({zone}), between the dashed lines", "导出时段 {period}（{zone}），图中虚线之间"), { period: zone.span(line.from_us, line.to_us), zone: zone.name })),
    el("figure", {}, picture(line, stretches, law, axis, zone), el("figcaption", {}, summary(stretches, axis))),
    gapTable(stretches, zone),
  );
}
