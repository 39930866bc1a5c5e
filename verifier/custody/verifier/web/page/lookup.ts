/* A file that somebody brings: is it, bit for bit, a segment of this package? Pictures are not compared here. */

import type { Report } from "../engine/api";
import { hex } from "../engine/codec";
import { hashFile } from "../engine/file_hash";
import type { Contents } from "./contents";
import { type Child, el, fillWith, told } from "./dom";
import type { Zone } from "./moment";
import { type Dropped, dropZone, fileButton } from "./package_choice";
import { bytesText, fill, words } from "./words";

export class Lookup {
  readonly element: HTMLElement;
  readonly #answers = el("ul", { class: "plain", role: "status", "aria-live": "polite" });
  readonly #report: Report;
  readonly #contents: Contents;
  readonly #zone: Zone;

  constructor(report: Report, contents: Contents, zone: Zone) {
    this.#report = report;
    this.#contents = contents;
    this.#zone = zone;
    // on paper only when it says something
    this.element = el("section", { class: report.footage.length ? "drop" : "drop screen", "aria-labelledby": "h-lookup" },
      el("h2", { id: "h-lookup" }, words("A file that somebody gave you", "另行取得的文件")),
      this.#before(),
      el("p", { class: "screen" }, words("Is it a segment of this package? Drop it here, or choose it:", "它是否为本包某一像段？拖放到此处，或者：")),
      el("p", { class: "buttons screen" }, fileButton(words("Choose a file …", "选择文件……"), { multiple: true, "data-role": "lookup" }, (files) => void this.#take(files))),
      this.#answers,
      el("p", { class: "soft" }, words("Compared by hash, bit for bit. A cut or converted copy is not recognised here (not checked); custody verify package --footage finds it by its pictures.", "按校验值逐位比对。剪辑或转换过的副本在此不能识别（未检查）；custody verify package --footage 可按画面识别。")),
    );
    dropZone(this.element, (found: Dropped) => void this.#take(found.files), () => undefined);
  }

  /** What check 14 said of footage that was chosen before. */
  #before(): HTMLElement | null {
    const brought = this.#report.footage;
    if (brought.length === 0) {
      return null;
    }
    return el("ul", { class: "plain" }, ...brought.map((one) => {
      const row = one.ranges[0];
      return el("li", {}, told(one.path, "mono"), ": ", STATES[one.state], row === undefined ? null : [" – ", told(row.stream, "mono"), fill(words(" segment {number}", " 第 {number} 段"), { number: row.number })]);
    }));
  }

  async #take(files: readonly File[]): Promise<void> {
    for (const file of files) {
      const answer = el("li", {}, told(file.name, "mono"), ` (${bytesText(file.size)}): `, words("reading …", "正在读取……"));
      this.#answers.append(answer);
      this.element.classList.remove("screen");
      const digest = await hashFile(file, () => undefined);
      const hash = digest === null ? "" : hex(digest);
      fillWith(answer, told(file.name, "mono"), ": ",
        digest === null ? el("b", { class: "not-checked" }, STATES.unreadable) : [this.#found(hash), el("span", { class: "part soft mono" }, `SHA-256 ${hash}`)]);
    }
  }

  #found(hash: string): Child {
    const row = this.#contents.rows.find((one) => one.sha256 === hash);
    const line = this.#report.timeline.streams.find((one) => one.stream === row?.stream);
    const segment = line?.segments.find((one) => one.path === row?.path);
    if (row === undefined || segment === undefined) {
      return el("b", { class: "findings" }, "✗ ", words("not known: no segment of this package is bit for bit this file.", "未知：本包没有与此文件逐位一致的像段。"));
    }
    const place = [told(row.stream, "mono"), fill(words(" segment {number}", " 第 {number} 段"), { number: row.number }), ` (${this.#zone.span(segment.from_us, segment.to_us)})`];
    return this.#proven(segment.state)
      ? [el("b", { class: "fine" }, "✓ ", words("this file is ", "此文件即 ")), place]
      : [el("b", { class: "not-checked" }, "? ", words("named by the manifest as ", "清单称其为 ")), place, el("b", { class: "not-checked" }, words(", but that is not proven", "，但未获证明"))];
  }

  /** Only what checks 3, 5, 6 and 8 prove may be said of a file. */
  #proven(state: string): boolean {
    const fine = (number: number): boolean => this.#report.checks.find((one) => one.number === number)?.status === "fine";
    return [3, 5, 6, 8].every(fine) || (state === "good" && [3, 5, 6].every(fine));
  }
}

const STATES = {
  identical: words("identical with a segment, bit for bit", "与像段逐位一致"),
  derived: words("derived (not bit-identical)", "派生副本（非逐位一致）"),
  unknown: words("not from this package", "不出自本证据包"),
  unreadable: words("cannot be read", "无法读取"),
  "not-compared": words("not identical; pictures were not compared (not checked)", "非逐位一致；未比对画面（未检查）"),
} as const;
