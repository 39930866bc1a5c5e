/* While it checks: bytes, share, speed, and a button that ends it. Said aloud at every tenth only. */

import type { Progress } from "../engine/api";
import { button, el, fillWith } from "./dom";
import { bytesText, fill, words } from "./words";

const STAGES = {
  hashing: words("Reading and hashing every file", "读取并校验全部文件"),
  entries: words("Reading the entries of the log", "读取日志条目"),
  checks: words("Checking proofs and signatures", "核验证明与签名"),
} as const;

export class Running {
  readonly element: HTMLElement;
  readonly #bar = el("progress", { max: 1000, value: 0, "aria-labelledby": "h-running" });
  readonly #text = el("p", { class: "number" });
  readonly #aloud = el("p", { class: "unseen", role: "status", "aria-live": "polite" });
  readonly #begin_ms: number;
  #tenth = -1;
  #stage = "";

  constructor(cancel: () => void, now_ms: number) {
    this.#begin_ms = now_ms;
    this.element = el(
      "section",
      { class: "step", "aria-labelledby": "h-running" },
      el("h2", { id: "h-running", tabindex: -1 }, words("Checking …", "正在核验……")),
      this.#bar,
      this.#text,
      this.#aloud,
      el("p", { class: "buttons" }, button(words("Cancel", "取消"), cancel, { "data-role": "cancel" })),
    );
  }

  show(progress: Progress, now_ms: number): void {
    const share = progress.total > 0 ? Math.min(1, progress.done / progress.total) : 0;
    this.#bar.value = Math.round(share * 1000);
    const bytes = progress.stage === "hashing";
    const seconds = (now_ms - this.#begin_ms) / 1000;
    fillWith(
      this.#text,
      STAGES[progress.stage],
      bytes
        ? fill(words(": {done} of {total}, {speed}/s", "：{done} / {total}，{speed}/秒"), {
            done: bytesText(progress.done), total: bytesText(progress.total),
            speed: bytesText(seconds > 0 ? Math.round(progress.done / seconds) : 0),
          })
        : null,
    );
    const tenth = Math.floor(share * 10);
    if (tenth !== this.#tenth || progress.stage !== this.#stage) {
      this.#tenth = tenth;
      this.#stage = progress.stage;
      fillWith(this.#aloud, STAGES[progress.stage], ` ${tenth * 10} %`);
    }
  }
}
