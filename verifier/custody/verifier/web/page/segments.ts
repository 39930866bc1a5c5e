/*
 * The list of segments. Only the rows that can be seen are in the document, between two empty rows that keep the height: a
 * month of a camera is 260,000 of them. A screen reader is told the whole number and each row's place.
 */

import type { Report, SegmentItem } from "../engine/api";
import type { Contents, Row } from "./contents";
import { button, el, fillWith, told } from "./dom";
import { SEGMENT_STATES } from "./law_texts";
import type { Zone } from "./moment";
import { Player } from "./player";
import { bytesText, fill, numberText, words } from "./words";

const ROW_PX = 34;
const BEYOND = 8;
/** Rows that are printed: those that are not good come first. */
const MAX_PRINTED = 200;

interface Item {
  readonly stream: string;
  readonly segment: SegmentItem;
}

export class SegmentList {
  readonly element: HTMLElement;
  readonly #zone: Zone;
  readonly #player: Player;
  readonly #rows: ReadonlyMap<string, Row>;
  readonly #every: readonly Item[];
  readonly #body = el("tbody");
  readonly #table = el("table", { class: "segments" });
  readonly #scroller = el("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": words("Segments; scroll for more", "像段列表，滚动查看") });
  readonly #count = el("p", { role: "status" });
  #items: readonly Item[];
  #first = -1;

  constructor(report: Report, contents: Contents, zone: Zone) {
    this.#zone = zone;
    this.#player = new Player(contents.blobOf, zone);
    this.#rows = new Map(contents.rows.map((one) => [one.path, one]));
    this.#every = report.timeline.streams.flatMap((line) => line.segments.map((segment) => ({ stream: line.stream, segment })));
    this.#items = this.#every;
    const filter = el("select", { id: "segment-filter" });
    for (const [value, text] of [["all", words("all", "全部")], ["bad", words("not as recorded", "与登记不一致")], ["here", words("in the package", "包内")]] as const) {
      filter.append(el("option", { value, label: text }));
    }
    filter.addEventListener("change", () => this.#choose(filter.value));
    this.#scroller.addEventListener("scroll", () => this.#draw());
    const heads = [words("Number", "段号"), words("Camera", "摄像机"), words("Recorded", "录制时间"), words("Size", "大小"), words("State", "状态"), words("Play", "播放")];
    this.#table.append(el("caption", { class: "unseen" }, words("Segments", "像段")), el("thead", {}, el("tr", { "aria-rowindex": 1 }, ...heads.map((head) => el("th", { scope: "col" }, head)))), this.#body);
    this.#scroller.append(this.#table);
    this.element = el("section", { "aria-labelledby": "h-segments" },
      el("h2", { id: "h-segments" }, words("Segments", "像段")),
      el("p", { class: "screen" }, el("label", { for: "segment-filter" }, words("Show: ", "显示：")), filter),
      this.#count, this.#player.element, this.#scroller, this.#printed());
    this.#choose("all");
  }

  #choose(which: string): void {
    this.#items = which === "bad" ? this.#every.filter(isBad) : which === "here" ? this.#every.filter((one) => one.segment.path !== "") : this.#every;
    fillWith(this.#count, fill(words("{shown} of {all} segments", "{shown} 段，共 {all} 段"), { shown: numberText(this.#items.length), all: numberText(this.#every.length) }));
    this.#table.setAttribute("aria-rowcount", String(this.#items.length + 1));
    this.#scroller.scrollTop = 0;
    this.#scroller.hidden = this.#items.length === 0;
    this.#first = -1;
    this.#draw();
  }

  #draw(): void {
    const first = Math.max(0, Math.floor(this.#scroller.scrollTop / ROW_PX) - BEYOND);
    const last = Math.min(this.#items.length, first + Math.ceil((this.#scroller.clientHeight || 420) / ROW_PX) + 2 * BEYOND);
    if (first === this.#first) {
      return;
    }
    // A row that has the focus would take it along when it leaves the document: the list keeps it.
    const held = this.#body.contains(document.activeElement);
    this.#first = first;
    fillWith(this.#body, this.#space(first), ...this.#items.slice(first, last).map((one, at) => this.#row(one, first + at)), this.#space(this.#items.length - last));
    if (held) {
      this.#scroller.focus({ preventScroll: true });
    }
  }

  #space(rows: number): HTMLElement {
    const made = el("tr", { "aria-hidden": "true", class: "space" }, el("td", { colspan: 6 }));
    made.style.height = `${rows * ROW_PX}px`;
    return made;
  }

  #row(one: Item, at: number): HTMLElement {
    const { segment } = one;
    const name = fill(words("Play segment {number}", "播放第 {number} 段"), { number: segment.number });
    const play: HTMLButtonElement | null = segment.path === "" ? null : button(words("▶ Play", "▶ 播放"), () => this.#play(at, play), { class: "small", "aria-label": name });
    return el("tr", { "aria-rowindex": at + 2, "data-number": segment.number },
      el("td", { class: "number" }, String(segment.number)), el("td", {}, told(one.stream, "mono")), el("td", { class: "when" }, this.#zone.span(segment.from_us, segment.to_us)),
      el("td", { class: "number" }, bytesText(segment.size_bytes)), el("td", {}, state(segment)), el("td", {}, play ?? "—"));
  }

  #play(at: number, from: HTMLElement | null): void {
    const one = this.#items[at];
    if (one === undefined || one.segment.path === "") {
      return;
    }
    const row = this.#rows.get(one.segment.path);
    const step = (by: number): void => {
      let next = at + by;
      while (this.#items[next] !== undefined && this.#items[next]?.segment.path === "") {
        next += by;
      }
      this.#play(next, null);
    };
    this.#player.open({ stream: one.stream, segment: one.segment, container: row?.container ?? "", codec: row?.codec ?? "" }, step, from);
  }

  /** For paper: what is not good, then the first ones, and how many were left out. */
  #printed(): HTMLElement {
    const chosen = [...this.#every.filter(isBad), ...this.#every.filter((one) => !isBad(one))].slice(0, MAX_PRINTED);
    const left = this.#every.length - chosen.length;
    return el("div", { class: "paper" },
      el("table", {}, el("thead", {}, el("tr", {}, ...[words("Number", "段号"), words("Camera", "摄像机"), words("Recorded", "录制时间"), words("Size", "大小"), words("State", "状态")].map((head) => el("th", { scope: "col" }, head)))),
        el("tbody", {}, ...chosen.map(({ stream, segment }) => el("tr", {}, el("td", { class: "number" }, String(segment.number)), el("td", {}, told(stream, "mono")), el("td", {}, this.#zone.span(segment.from_us, segment.to_us)), el("td", { class: "number" }, bytesText(segment.size_bytes)), el("td", {}, state(segment)))))),
      left > 0 && el("p", {}, fill(words("{left} further segments are not printed, all of them as recorded or outside the period; manifest.csv in the package lists them.", "另有 {left} 段未打印，均与登记一致或在时段以外；见包内 manifest.csv。"), { left: numberText(left) })));
  }
}

function isBad(one: Item): boolean {
  return one.segment.state !== "good" && one.segment.state !== "margin";
}

function state(segment: SegmentItem): HTMLElement {
  const good = segment.state === "good";
  const kind = good ? "fine" : segment.state === "margin" ? "soft" : segment.state === "absent" ? "not-checked" : "findings";
  const mark = good ? "✓ " : segment.state === "margin" ? "" : segment.state === "absent" ? "– " : "✗ ";
  return el("b", { class: kind }, mark, SEGMENT_STATES[segment.state] ?? told(segment.state));
}
