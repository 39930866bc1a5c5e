/* Step 1: the package, by mouse, by keyboard or dropped: a zip file or a folder. Nothing is read here but names and sizes. */

import type { PackageSource, SourceFile } from "../engine/api";
import { fromFolder, fromZip } from "../engine/sources";
import { button, el, fillWith, told } from "./dom";
import { bytesText, fill, numberText, words } from "./words";

export interface Dropped {
  readonly files: readonly File[];
  /** Files of dropped folders with their paths; empty when none was dropped. */
  readonly tree: readonly SourceFile[];
}

/** Entries of a folder are read in portions; deeper than a package is, nothing is followed. */
const MAX_DEPTH = 10;
/** More than any package has: a whole disk was dropped. */
export const MAX_FILES = 400_000;

async function walk(entry: FileSystemEntry, path: string, depth: number, found: SourceFile[]): Promise<void> {
  if (depth > MAX_DEPTH || found.length > MAX_FILES) {
    throw new Error("this folder is larger than any package");
  }
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
    found.push({ path: `${path}${entry.name}`, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) {
      return;
    }
    for (const one of some) {
      await walk(one, `${path}${entry.name}/`, depth + 1, found);
    }
  }
}

async function walkHandle(folder: FileSystemDirectoryHandle, path: string, depth: number, found: SourceFile[]): Promise<void> {
  for await (const one of folder.values()) {
    if (depth >= MAX_DEPTH || found.length > MAX_FILES) {
      throw new Error("this folder is larger than any package");
    }
    if (one.kind === "directory") {
      await walkHandle(one as FileSystemDirectoryHandle, `${path}${one.name}/`, depth + 1, found);
    } else {
      found.push({ path: `${path}${one.name}`, file: await (one as FileSystemFileHandle).getFile() });
    }
  }
}

/** Chromium's other way to a dropped folder: on a page from the disk the files of its entries cannot be read. */
interface HandledItem extends DataTransferItem {
  getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>;
}

/** What a drop brought. Entries and handles must be asked for before the event ends. */
export async function dropped(event: DragEvent): Promise<Dropped> {
  const data = event.dataTransfer;
  const items: HandledItem[] = [...(data?.items ?? [])].filter((item) => item.kind === "file");
  const asked = items.map((item) => {
    const entry = item.webkitGetAsEntry();
    return { entry, handle: entry?.isDirectory ? item.getAsFileSystemHandle?.() : undefined };
  });
  const files = [...(data?.files ?? [])];
  const folders = asked.filter((one) => one.entry?.isDirectory);
  const tree: SourceFile[] = [];
  for (const { entry, handle } of folders) {
    const folder = await handle;
    if (folder?.kind === "directory") {
      await walkHandle(folder as FileSystemDirectoryHandle, `${folder.name}/`, 1, tree);
    } else if (entry !== null) {
      await walk(entry, "", 0, tree);
    }
  }
  return { files: folders.length ? [] : files, tree };
}

/** `begun` is told at once; `take` or `failed` when the names of everything that was dropped are known. */
export function dropZone(
  zone: HTMLElement, take: (dropped: Dropped) => void, failed: (error: unknown) => void, begun: () => void = () => undefined,
): void {
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    zone.addEventListener(name, () => zone.classList.remove("over"));
  }
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    begun();
    dropped(event).then(take, failed);
  });
}

/** A hidden file input and the button that opens it: the button is what the keyboard and a screen reader meet. */
export function fileButton(
  text: { en: string; zh: string },
  attributes: Readonly<Record<string, string | boolean>>,
  take: (files: readonly File[]) => void,
): HTMLElement {
  const input = el("input", { type: "file", class: "unseen", tabindex: -1, "aria-hidden": "true", ...attributes });
  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    input.value = "";
  });
  return el("span", {}, button(text, () => input.click()), input);
}

export class PackageChoice {
  readonly element: HTMLElement;
  readonly #shown = el("p", { role: "status", class: "chosen" });
  readonly #changed: () => void;
  /** Drops whose folders are still being walked. */
  #reading = 0;
  source: PackageSource | null = null;

  constructor(changed: () => void) {
    this.#changed = changed;
    this.element = el(
      "section",
      { class: "step", "aria-labelledby": "h-package" },
      el("h2", { id: "h-package" }, "1 ", words("The evidence package", "证据包")),
      el("p", {}, words("Drop the package here: the zip file, or the unpacked folder. Or choose it:", "将证据包（压缩包，或解开后的文件夹）拖放到此处，或者：")),
      el(
        "p",
        { class: "buttons" },
        fileButton(words("Choose a zip file …", "选择压缩包……"), { accept: ".zip,application/zip", "data-role": "zip" }, (files) => this.takeZip(files)),
        fileButton(words("Choose a folder …", "选择文件夹……"), { webkitdirectory: true, "data-role": "folder" }, (files) =>
          this.takeTree(files.map((file) => ({ path: file.webkitRelativePath || file.name, file }))),
        ),
      ),
      this.#shown,
    );
    this.element.classList.add("drop");
    dropZone(this.element, (found) => {
      this.#reading--;
      this.take(found);
      this.#changed();
    }, (error) => {
      this.#reading--;
      this.#fault(error);
      this.#changed();
    }, () => {
      this.#reading++;
      this.#changed();
    });
  }

  /** True while it is not known yet what was dropped: a check that begins now would be of the package before. */
  get reading(): boolean {
    return this.#reading > 0;
  }

  take(found: Dropped): void {
    if (found.tree.length) {
      this.takeTree(found.tree);
    } else {
      this.takeZip(found.files);
    }
  }

  takeZip(files: readonly File[]): void {
    const file = files[0];
    if (file === undefined) {
      return;
    }
    this.source = fromZip(file);
    fillWith(this.#shown, words("Chosen: ", "已选择："), told(file.name, "mono"), ` (${bytesText(file.size)})`);
    this.#changed();
  }

  takeTree(files: readonly SourceFile[]): void {
    if (files.length === 0) {
      return;
    }
    const name = files[0]?.path.split("/")[0] ?? "";
    const size = files.reduce((sum, one) => sum + one.file.size, 0);
    this.source = fromFolder(files, name);
    fillWith(
      this.#shown,
      words("Chosen: ", "已选择："),
      told(name, "mono"),
      fill(words(" (folder, {count} files, {size})", "（文件夹，{count} 个文件，{size}）"), { count: numberText(files.length), size: bytesText(size) }),
    );
    this.#changed();
  }

  #fault(error: unknown): void {
    fillWith(this.#shown, words("This cannot be read: ", "无法读取："), told(error instanceof Error ? error.message : String(error)));
  }
}
