/* Plays one segment out of the package, from the disk. Says so when the browser has no decoder for it. */

import type { SegmentItem } from "../engine/api";
import { button, el, fillWith, told } from "./dom";
import { SEGMENT_STATES } from "./law_texts";
import type { Zone } from "./moment";
import { type Words, fill, words } from "./words";

export interface Playable {
  readonly stream: string;
  readonly segment: SegmentItem;
  readonly container: string;
  readonly codec: string;
}

const TYPES: Readonly<Record<string, string>> = {
  mp4: "video/mp4", fmp4: "video/mp4", mov: "video/mp4", matroska: "video/x-matroska", webm: "video/webm", ts: "video/mp2t", mpegts: "video/mp2t", avi: "video/x-msvideo",
};

export class Player {
  readonly element: HTMLElement;
  readonly #video = el("video", { controls: true, preload: "metadata", "aria-label": words("Footage of the segment", "像段画面") });
  readonly #title = el("h3", { id: "h-player", tabindex: -1 });
  readonly #status = el("p", { role: "status" });
  readonly #blobOf: (path: string) => Blob | undefined;
  readonly #zone: Zone;
  #url = "";
  #step: (by: number) => void = () => undefined;
  #back: HTMLElement | null = null;

  constructor(blobOf: (path: string) => Blob | undefined, zone: Zone) {
    this.#blobOf = blobOf;
    this.#zone = zone;
    this.element = el("div", { class: "player", hidden: true }, this.#title, this.#video, this.#status,
      el("p", { class: "buttons" }, button(words("Previous segment", "上一段"), () => this.#step(-1)), button(words("Next segment", "下一段"), () => this.#step(1)),
        button(words("Close", "关闭"), () => this.close(), { "data-role": "close-player" })));
    this.#video.addEventListener("error", () => this.#fault());
    this.#video.addEventListener("loadedmetadata", () => {
      if (this.#video.videoWidth === 0) {
        this.#fault(); // sound without picture: the codec of the pictures is not known here
      }
    });
  }

  /** `step` moves to a neighbour; `from` gets the focus back on closing. */
  open(one: Playable, step: (by: number) => void, from: HTMLElement | null): void {
    this.#release();
    this.#step = step;
    this.#back = from ?? this.#back;
    const { segment } = one;
    fillWith(this.#title, fill(words("Segment {number}, ", "第 {number} 段，"), { number: segment.number }), told(one.stream, "mono"), ` ${this.#zone.span(segment.from_us, segment.to_us)} (${this.#zone.name})`);
    fillWith(this.#status, segment.state === "good" ? null : el("span", { class: "warning" }, "⚠ ", words("Not proven to be what was recorded: ", "未证明与登记一致："), SEGMENT_STATES[segment.state] ?? ""));
    this.element.hidden = false;
    const blob = this.#blobOf(segment.path);
    if (blob === undefined) {
      this.#say(words("The package has no such file.", "证据包内没有此文件。"));
      return;
    }
    this.#codec = one.codec || one.container;
    this.#url = URL.createObjectURL(blob.slice(0, blob.size, TYPES[one.container] ?? "video/mp4"));
    this.#video.src = this.#url;
    this.#title.focus();
  }

  #codec = "";

  close(): void {
    this.#release();
    this.element.hidden = true;
    this.#back?.focus();
  }

  #release(): void {
    if (this.#url !== "") {
      this.#video.removeAttribute("src");
      this.#video.load();
      URL.revokeObjectURL(this.#url);
      this.#url = "";
    }
  }

  #fault(): void {
    if (this.#url !== "") {
      const codec = this.#codec.replace(/[^A-Za-z0-9 ._-]/g, "");
      this.#say(fill(words("This browser cannot play the segment ({codec}). Its hash was checked all the same; open the file with a video player.", "此浏览器不能播放该像段（{codec}）。校验不受影响，请用视频播放器打开该文件。"), { codec: codec || "?" }));
    }
  }

  #say(text: Words): void {
    this.#status.append(el("span", { class: "not-checked" }, text));
  }
}
