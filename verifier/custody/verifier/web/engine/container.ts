/*
 * A package as the reader gave it, zip or folder: names, sizes, bytes. Nothing is unpacked. All names are checked before any is
 * used; a name that stands in the package is only compared with them.
 *
 * A folder that a browser hands over has no links in it: it gives the files that they point to, or leaves them out.
 */

import type { PackageSource } from "./api";
import { compare } from "./codec";
import { Refused, shown } from "./errors";
import { MAX_DOCUMENT_BYTES, MAX_MEMBERS, TOP, checkPath, checkSpellings } from "./layout";
import { type ZipMember, readZip } from "./zip";

/** A part of the medium that is read at once: one file, or small members of a zip that stand close together. */
export interface Region {
  readonly blob: Blob;
  readonly parts: readonly { readonly name: string; readonly start: number; readonly end: number }[];
}

const REGION_BYTES = 8 << 20;

export class Container {
  private constructor(private readonly members: ReadonlyMap<string, Blob>, private readonly zip: ZipPlaces | null) {}

  static async open(source: PackageSource): Promise<Container> {
    const members = new Map<string, Blob>();
    if (source.kind === "zip") {
      const found = await readZip(source.file);
      for (const { name, offset, size } of found) {
        if (!name.startsWith(`${TOP}/`)) {
          throw new Refused("package-path", `${shown(name, 200)} is not below ${TOP}/`);
        }
        members.set(checkPath(name.slice(TOP.length + 1)), source.file.slice(offset, offset + size));
      }
      checkSpellings(members.keys());
      return new Container(members, { file: source.file, members: found });
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
    checkSpellings(members.keys());
    return new Container(members, null);
  }

  /** All members below `prefix`, in regions: reading a zip's many small members one by one takes far longer than hashing them. */
  regions(prefix: string): Region[] {
    const names = this.below(prefix);
    if (this.zip === null) {
      return names.map((name) => ({ blob: this.blob(name) as Blob, parts: [{ name, start: 0, end: this.size(name) }] }));
    }
    const wanted = this.zip.members.filter((one) => one.name.startsWith(`${TOP}/${prefix}`));
    const runs: ZipMember[][] = [];
    for (const one of wanted) {
      const run = runs.at(-1);
      if (run !== undefined && one.offset + one.size - (run[0] as ZipMember).offset <= REGION_BYTES) {
        run.push(one);
      } else {
        runs.push([one]);
      }
    }
    const file = this.zip.file;
    return runs.map((run) => {
      const [first, last] = [run[0] as ZipMember, run.at(-1) as ZipMember];
      const parts = run.map(({ name, offset, size }) => ({
        name: name.slice(TOP.length + 1), start: offset - first.offset, end: offset - first.offset + size,
      }));
      return { blob: file.slice(first.offset, last.offset + last.size), parts };
    });
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

interface ZipPlaces {
  readonly file: Blob;
  readonly members: readonly ZipMember[];
}

async function bytes(blob: Blob, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    throw new Refused("file-missing", `${name} cannot be read`); // taken away, or changed, since it was handed over
  }
}
