/*
 * verify.html: checks an evidence package offline. Three views, one after the other: choose, wait, read. The engine does the
 * checks (engine/api.ts); nothing here decides whether anything is good.
 */

import type { EngineError, PackageSource, Report } from "../engine/api";
import { verifyPackage } from "../engine/client";
import { codeText } from "./code_texts";
import { readContents } from "./contents";
import { sheetHead } from "./cover";
import { type Child, button, el, fillWith, told } from "./dom";
import { choose, languageSwitch, preferred } from "./language";
import { Zone } from "./moment";
import { PackageChoice } from "./package_choice";
import { result } from "./result";
import { Running } from "./running";
import { TrustChoice } from "./trust_choice";
import type { TrustFile } from "./trust_files";
import { words } from "./words";

/** What the code of an error means in both languages, and the engine's own English. */
function faultText(error: unknown): Child {
  const message = told(error instanceof Error ? error.message : String(error), "part soft");
  message.lang = "en";
  return [codeText((error as Partial<EngineError>).code ?? ""), message];
}

class Page {
  readonly #setUp = el("div", { class: "set-up" });
  readonly #view = el("div");
  readonly #fault = el("p", { role: "alert" });
  readonly #hint = el("p", { class: "soft", id: "hint" });
  readonly #check = button(words("Check the package", "开始核验"), () => void this.#run(), { class: "main", "data-role": "check", "aria-describedby": "hint" });
  readonly #package = new PackageChoice(() => this.#ready());
  readonly #trust = new TrustChoice(() => this.#ready());

  constructor() {
    this.#setUp.append(
      el("p", { class: "lead" }, words(
        "This page checks, on this computer and without a network, whether an evidence package is genuine and complete. Nothing leaves this computer: the page is forbidden to make any connection.",
        "本网页在本机离线核验证据包是否真实、完整。任何内容都不会离开本机：本网页被禁止建立任何网络连接。",
      )),
      this.#package.element,
      this.#trust.element,
      el("section", { class: "step", "aria-labelledby": "h-check" }, el("h2", { id: "h-check" }, "3 ", words("Check", "核验")), this.#hint, el("p", {}, this.#check), this.#fault),
    );
    // A file that is dropped beside the zones would else replace the page.
    for (const name of ["dragover", "drop"]) {
      document.addEventListener(name, (event) => event.preventDefault());
    }
    this.#ready();
  }

  show(main: HTMLElement): void {
    main.append(this.#setUp, this.#view);
  }

  #ready(): void {
    const chosen = this.#package.source !== null;
    const reading = this.#package.reading || this.#trust.reading;
    this.#check.disabled = reading || !chosen || !this.#trust.ready;
    fillWith(this.#hint, reading ? words("The files are being read.", "正在读取文件。")
      : !chosen ? words("Choose the package first.", "请先选择证据包。")
      : this.#trust.ready ? words("Large packages take a while: every byte is read. Several hundred megabytes a second are usual.", "证据包较大时需要一些时间：每个字节都会读取，通常每秒数百兆字节。")
      : words("Give the key of the log, or tick the box to go on without.", "请提供日志公钥，或勾选无公钥继续。"));
  }

  async #run(): Promise<void> {
    const source = this.#package.source;
    if (source === null) {
      return;
    }
    const { trust, given } = this.#trust;
    const stop = new AbortController();
    const running = new Running(() => stop.abort(), performance.now());
    fillWith(this.#fault);
    this.#setUp.hidden = true;
    fillWith(this.#view, running.element);
    running.element.querySelector("h2")?.focus();
    try {
      const report = await verifyPackage(source, trust, {
        onProgress: (progress) => running.show(progress, performance.now()),
        signal: stop.signal,
      });
      await this.#read(report, source, given);
    } catch (error) {
      this.#back();
      fillWith(this.#fault, stop.signal.aborted
        ? words("Cancelled: nothing was checked.", "已取消：未进行核验。")
        : [el("b", { class: "findings" }, words("It could not be checked: ", "无法核验：")), faultText(error)]);
      this.#check.focus();
    }
  }

  /** Shows what was found in the package that was checked, whatever was chosen since. */
  async #read(report: Report, source: PackageSource, given: readonly TrustFile[]): Promise<void> {
    const checked = {
      report, contents: await readContents(source), zone: new Zone(report.timeline.zone), atUs: Date.now() * 1000, given,
    };
    document.adoptedStyleSheets = [sheetHead(checked)];
    fillWith(this.#view, result(checked, () => this.#back()));
    document.getElementById("h-verdict")?.focus();
    globalThis.scrollTo(0, 0);
  }

  #back(): void {
    fillWith(this.#view);
    document.adoptedStyleSheets = [];
    this.#setUp.hidden = false;
    document.querySelector("h1")?.focus();
  }
}

function start(): void {
  document.documentElement.lang = preferred(navigator.languages) === "en" ? "en" : "zh-Hans";
  const main = el("main");
  document.body.replaceChildren(
    el("header", {}, languageSwitch(), el("p", { class: "soft" }, words("Evidence ledger for public-security footage", "公共安全视频图像证据账本")), el("h1", { tabindex: -1 }, el("span", { class: "screen" }, words("Check an evidence package", "核验证据包")), el("span", { class: "paper" }, words("Report on the check of an evidence package", "证据包核验报告")))),
    main,
  );
  new Page().show(main);
  choose(preferred(navigator.languages));
}

start();
