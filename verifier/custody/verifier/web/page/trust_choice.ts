/* Step 2: whom the reader trusts. Without anything it goes on with the package's own keys, and says how weak that is. */

import type { SourceFile, Trust } from "../engine/api";
import { button, el, fillWith, told } from "./dom";
import { type Dropped, dropZone, fileButton } from "./package_choice";
import { MAX_TRUST_BYTES, TRUST_KINDS, type TrustFile, type TrustKind, kindOf, otherUse, trustOf } from "./trust_files";
import { type Words, bytesText, words } from "./words";

export class TrustChoice {
  readonly element: HTMLElement;
  readonly #list = el("ul", { class: "plain chosen" });
  readonly #status = el("p", { role: "status" });
  readonly #weak: HTMLInputElement = el("input", { type: "checkbox", id: "weak" });
  readonly #pasted = el("textarea", { id: "pasted", rows: 3, class: "mono", spellcheck: "false", autocomplete: "off" });
  readonly #changed: () => void;
  #files: TrustFile[] = [];
  /** Choices whose files are still being read. */
  #reading = 0;
  #brought: SourceFile[] = [];

  constructor(changed: () => void) {
    this.#changed = changed;
    this.#weak.addEventListener("change", changed);
    this.#pasted.addEventListener("input", () => this.#paste());
    this.element = el(
      "section",
      { class: "step drop", "aria-labelledby": "h-trust" },
      el("h2", { id: "h-trust" }, "2 ", words("Whom you trust", "您信任谁")),
      el("p", {}, words(
        "A key that lies in the package proves nothing: a forger would put in his own. Get the key of the log from somebody who does not keep the log: the supervising authority, a court, or an earlier package. Drop its file here; the same for a trust policy, the exporter's public key, the root certificate of a time-stamping authority, the certificate of an authority that certifies exporters and its revocation list, or a checkpoint that you hold. Each file is recognised by what stands in it; of a certificate you say below what you trust it for.",
        "证据包内自带的密钥不证明任何事情：伪造者会放入自己的密钥。请从不保管该日志的一方（主管机关、法院或者以前的证据包）取得日志公钥，将其文件拖放到此处；信任策略、导出人公钥、时间戳机构根证书、导出人证书签发机构的证书及其吊销列表、您持有的检查点亦同。文件类别按内容自动识别；证书的用途请在下方指明。",
      )),
      el("p", { class: "buttons" }, fileButton(words("Choose trust files …", "选择信任文件……"), { multiple: true, "data-role": "trust" }, (files) => void this.#take(files))),
      el("details", {}, el("summary", {}, words("Paste the key of the log instead", "粘贴日志公钥")), el("p", {}, el("label", { for: "pasted" }, words("Key of the log (one line: name+id+key)", "日志公钥（一行：名称+编号+公钥）"))), this.#pasted),
      this.#list,
      this.#status,
      el("p", { class: "weak" }, this.#weak, " ", el("label", { for: "weak" }, words("I have no key. Go on with the keys from the package (weaker: the result can be no better than NOT CHECKED).", "没有公钥，使用证据包自带的密钥继续（证明力较弱：结论最多为“未检查”）。"))),
      el("details", {}, el("summary", {}, words("Footage that somebody brought separately (optional)", "另行提供的录像（可选）")), el("p", {}, words("Is a file that somebody gave you the same as a segment of this package? Choose it here, or check it later against the result.", "某人另行交给您的文件是否与本包某一像段相同？可在此选择，也可在得出结果后再查。")), el("p", { class: "buttons" }, fileButton(words("Choose footage …", "选择录像文件……"), { multiple: true, "data-role": "footage" }, (files) => this.#bring(files)))),
    );
    dropZone(this.element, (found: Dropped) => void this.#take(found.files), () => undefined);
  }

  /** What the reader gave; nothing when only the package's own keys are left. */
  get trust(): Trust {
    const trust = trustOf(this.#files);
    return this.#brought.length ? { ...trust, footage: this.#brought } : trust;
  }

  /** True when the log's key or a policy was given, or the reader goes on without. */
  get ready(): boolean {
    return this.#weak.checked || this.#keyed;
  }

  /** True while a chosen file is being read: what it gives would be missing from a check that begins now. */
  get reading(): boolean {
    return this.#reading > 0;
  }

  get #keyed(): boolean {
    return this.#files.some((one) => one.kind === "keys" || one.kind === "policy");
  }

  /** What kinds were given, for the printed report. */
  get given(): readonly TrustFile[] {
    return this.#files;
  }

  async #take(files: readonly File[]): Promise<void> {
    this.#reading++;
    fillWith(this.#status);
    this.#changed();
    try {
      for (const file of files) {
        await this.#takeOne(file);
      }
    } finally {
      this.#reading--;
      this.#changed();
    }
  }

  async #takeOne(file: File): Promise<void> {
    let kind: TrustKind | null = null;
    let text = "";
    try {
      text = file.size <= MAX_TRUST_BYTES ? await file.text() : "";
      kind = kindOf(text);
    } catch {
      this.#say(words("This file cannot be read: ", "无法读取此文件："), file.name);
      return;
    }
    if (kind === null) {
      this.#say(words("Not one key, policy, certificate, revocation list or checkpoint: ", "不是单一的公钥、策略、证书、吊销列表或检查点："), file.name);
    } else {
      this.#add({ name: file.name, kind, text });
    }
  }

  #add(file: TrustFile): void {
    const other = file.kind === "keys" ? "policy" : file.kind === "policy" ? "keys" : null;
    if (other !== null && this.#files.some((one) => one.kind === other)) {
      this.#say(words("Give the log's key or a policy, not both. Not taken: ", "日志公钥与信任策略只能提供其一。未采用："), file.name);
      return;
    }
    this.#files = [...this.#files.filter((one) => one.name !== file.name || one.kind !== file.kind), file];
    this.#weak.checked = this.#weak.checked && !this.#keyed;
    this.#show();
  }

  #paste(): void {
    const name = "+";
    fillWith(this.#status);
    this.#files = this.#files.filter((one) => one.name !== name);
    const text = this.#pasted.value.trim();
    if (text !== "" && kindOf(`${text}\n`) === "keys") {
      this.#add({ name, kind: "keys", text: `${text}\n` });
    } else if (text !== "") {
      this.#say(words("This is not yet a key: it has the form name+id+key.", "尚不是公钥：应为“名称+编号+公钥”的形式。"), "");
    }
    this.#show();
  }

  #bring(files: readonly File[]): void {
    this.#brought = [...this.#brought, ...files.map((file) => ({ path: file.name, file }))];
    this.#show();
  }

  #say(text: Words, name: string): void {
    fillWith(this.#status, el("span", { class: "findings" }, text, name === "" ? null : told(name)));
  }

  #show(): void {
    const trust = this.#files.map((file) =>
      el("li", {}, el("b", {}, TRUST_KINDS[file.kind]), file.name === "+" ? words(" (pasted)", "（粘贴）") : [" ", told(file.name, "mono")], " ", this.#use(file), " ", this.#remove(file.name, () => {
        this.#files = this.#files.filter((one) => one !== file);
        this.#pasted.value = file.name === "+" ? "" : this.#pasted.value;
      })),
    );
    const brought = this.#brought.map((one) =>
      el("li", {}, el("b", {}, words("footage", "录像")), " ", told(one.path, "mono"), ` (${bytesText(one.file.size)}) `, this.#remove(one.path, () => {
        this.#brought = this.#brought.filter((other) => other !== one);
      })),
    );
    fillWith(this.#list, trust, brought);
    this.#changed();
  }

  /** A certificate can be trusted for one thing or the other: only the reader knows for which. */
  #use(file: TrustFile): HTMLElement | null {
    const kind = otherUse(file.kind);
    if (kind === null) {
      return null;
    }
    const text = kind === "exporterAuthorities"
      ? words("trust it for exporters' certificates instead", "改作导出人证书的信任依据")
      : words("trust it for time stamps instead", "改作时间戳的信任依据");
    return button(text, () => {
      this.#files = this.#files.map((one) => (one === file ? { ...file, kind } : one));
      this.#show();
      this.#list.querySelector<HTMLElement>("[data-role=use]")?.focus();
    }, { class: "small", "data-role": "use" });
  }

  #remove(name: string, act: () => void): HTMLElement {
    const label = name === "+" ? words("remove the pasted key", "移除粘贴的公钥") : words(`remove ${name}`, `移除 ${name}`);
    return button(words("remove", "移除"), () => {
      act();
      fillWith(this.#status);
      this.#show();
    }, { class: "small", "aria-label": label });
  }
}
