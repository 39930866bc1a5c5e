/*
 * A package as the reader gave it, zip or folder: names, sizes, bytes. Nothing is unpacked. All names are checked before any is
 * used; a name that stands in the package is only compared with them.
 *
 * A folder that a browser hands over has no links in it: it gives the files that they point to, or leaves them out.
 */

import type { PackageSource } from "./api";
import { compare } from "./codec";
import { Refused, shown } from "./errors";
import { MAX_DOCUMENT_BYTES, MAX_MEMBERS, TOP, checkPath } from "./layout";
import { readZip } from "./zip";

export class Container {
  private constructor(private readonly members: ReadonlyMap<string, Blob>) {}

  static async open(source: PackageSource): Promise<Container> {
    const members = new Map<string, Blob>();
    if (source.kind === "zip") {
      for (const { name, offset, size } of await readZip(source.file)) {
        if (!name.startsWith(`${TOP}/`)) {
          throw new Refused("package-path", `${shown(name, 200)} is not below ${TOP}/`);
        }
        members.set(checkPath(name.slice(TOP.length + 1)), source.file.slice(offset, offset + size));
      }
      return new Container(members);
    }
    if (source.files.length > MAX_MEMBERS) {
      throw new Refused("package-oversize", `more than ${MAX_MEMBERS} files`);
    }
    for (const { path, file } of source.files) {
      if (members.has(checkPath(path))) {
        throw new Refused("package-path", `${shown(path, 200)} is there twice`);
      }
      members.set(path, file);
    }
    return new Container(members);
  }

  get names(): string[] {
    return [...this.members.keys()];
  }

  has(name: string): boolean {
    return this.members.has(name);
  }

  blob(name: string): Blob | undefined {
    return this.members.get(name);
  }

  size(name: string): number {
    return this.members.get(name)?.size ?? 0;
  }

  /** Names that begin with `prefix`, sorted. */
  below(prefix: string): string[] {
    return this.names.filter((name) => name.startsWith(prefix)).sort(compare);
  }

  open(name: string): { size: number; slice(start: number, end: number): Promise<Uint8Array> } {
    const blob = this.members.get(name);
    if (blob === undefined) {
      throw new Refused("file-missing", `${name} is not in the package`);
    }
    return { size: blob.size, slice: (start, end) => bytes(blob.slice(start, end), name) };
  }

  /** A whole member of at most `limit` bytes. */
  async read(name: string, limit = MAX_DOCUMENT_BYTES): Promise<Uint8Array<ArrayBuffer>> {
    const file = this.open(name);
    if (file.size > limit) {
      throw new Refused("package-oversize", `${name} has more than ${limit} bytes`);
    }
    return file.slice(0, file.size) as Promise<Uint8Array<ArrayBuffer>>;
  }
}

async function bytes(blob: Blob, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    throw new Refused("file-missing", `${name} cannot be read`); // taken away, or changed, since it was handed over
  }
}
