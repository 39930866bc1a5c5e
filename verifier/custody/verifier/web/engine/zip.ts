/*
 * The central directory of a package in a zip, read strictly (PKWARE APPNOTE 6.3, sections 4.3.7 to 4.3.16): stored members,
 * one behind the other from offset 0, the directory behind them, the end record at the very end. So no member hides in a
 * hole, overlaps another or reads differently by its local header, and nothing is ever decompressed.
 */

import { ascii } from "./codec";
import { Refused, shown } from "./errors";
import { MAX_MEMBERS } from "./layout";

export interface ZipMember {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const END64_BYTES = 56;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const MAX_DIRECTORY_BYTES = MAX_MEMBERS * 512;
const FULL = 0xffffffff;
/** Read at once where small members stand close together; behind a large one the next header is out of reach anyway. */
const WINDOW_BYTES = 1 << 22;
const SMALL_BYTES = 1 << 17;
const NEAR_BYTES = 1 << 10;

function refuse(why: string): Refused {
  return new Refused("package-zip", `the zip is not a package's: ${why}`);
}

/** Every member in the order of the file. */
export async function readZip(file: Blob): Promise<ZipMember[]> {
  const reader = new Window(file);
  const { start, size, count } = await findDirectory(reader, file.size);
  if (size > MAX_DIRECTORY_BYTES || count > MAX_MEMBERS) {
    throw refuse("too many members");
  }
  const directory = new DataView(await file.slice(start, start + size).arrayBuffer());
  if (directory.byteLength !== size) {
    throw refuse("the directory is cut off");
  }
  const members = await readMembers(reader, directory, count);
  const last = members.at(-1);
  if ((last ? last.offset + last.size : 0) !== start) {
    throw refuse("there are bytes between the members and the directory");
  }
  return members;
}

/** A file read in large pieces, for many small records that stand near one another. */
class Window {
  private begin = 0;
  private view = new DataView(new ArrayBuffer(0));

  constructor(private readonly file: Blob) {}

  async read(at: number, bytes: number, ahead = NEAR_BYTES): Promise<DataView> {
    if (at < 0 || at + bytes > this.file.size) {
      throw refuse("a record is not where it should be");
    }
    if (at < this.begin || at + bytes > this.begin + this.view.byteLength) {
      this.begin = at;
      this.view = new DataView(await this.file.slice(at, at + Math.max(bytes, ahead)).arrayBuffer());
    }
    return new DataView(this.view.buffer, at - this.begin, bytes);
  }
}

function number64(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw refuse("a number is larger than any file");
  }
  return Number(value);
}

function expectMark(view: DataView, mark: number): void {
  if (view.getUint32(0, true) !== mark) {
    throw refuse("a record is not where it should be");
  }
}

async function findDirectory(reader: Window, length: number): Promise<{ start: number; size: number; count: number }> {
  const endAt = length - END_BYTES;
  const end = await reader.read(endAt, END_BYTES);
  expectMark(end, 0x06054b50);
  const [disk, disk2, here] = [end.getUint16(4, true), end.getUint16(6, true), end.getUint16(8, true)];
  let count = end.getUint16(10, true);
  let size = end.getUint32(12, true);
  let start = end.getUint32(16, true);
  if (disk || disk2 || here !== count || end.getUint16(20, true)) {
    throw refuse("several disks, or a comment");
  }
  let tail = endAt;
  const locator = await reader.read(Math.max(endAt - LOCATOR_BYTES, 0), LOCATOR_BYTES);
  const located = endAt >= LOCATOR_BYTES && locator.getUint32(0, true) === 0x07064b50;
  if (located || count === 0xffff || size === FULL || start === FULL) {
    tail = located ? number64(locator, 8) : -1;
    if (!located || locator.getUint32(4, true) || locator.getUint32(16, true) !== 1 || tail + END64_BYTES + LOCATOR_BYTES !== endAt) {
      throw refuse("the zip64 end record is elsewhere");
    }
    const end64 = await reader.read(tail, END64_BYTES);
    expectMark(end64, 0x06064b50);
    // Some programs write this record from 2 GiB on and leave in the other what still fits: then both must agree.
    const wide = (told: number, at: number, full: number): number => {
      const found = number64(end64, at);
      if (told !== found && told !== full) {
        throw refuse("two end records that differ");
      }
      return found;
    };
    count = wide(count, 32, 0xffff);
    size = wide(size, 40, FULL);
    start = wide(start, 48, FULL);
    if (end64.getUint32(16, true) || end64.getUint32(20, true) || number64(end64, 24) !== count) {
      throw refuse("several disks");
    }
  }
  if (start + size !== tail) {
    throw refuse("the directory does not end where the end record begins");
  }
  return { start, size, count };
}

async function readMembers(reader: Window, directory: DataView, count: number): Promise<ZipMember[]> {
  const members: ZipMember[] = [];
  const names = new Set<string>();
  let at = 0;
  let nextLocal = 0;
  for (let number = 0; number < count; number++) {
    const { name, size, local, next } = readCentral(directory, at);
    at = next;
    if (names.has(name)) {
      throw refuse(`${shown(name)} is there twice`);
    }
    names.add(name);
    if (local !== nextLocal) {
      throw refuse("members overlap, or there is a hole between them");
    }
    const offset = await checkLocal(reader, local, name, size);
    members.push({ name, offset, size });
    nextLocal = offset + size;
  }
  if (at !== directory.byteLength) {
    throw refuse("the directory has more than it says");
  }
  return members;
}

function readCentral(directory: DataView, at: number): { name: string; size: number; local: number; next: number } {
  if (at + CENTRAL_BYTES > directory.byteLength) {
    throw refuse("the directory is cut off");
  }
  const u16 = (offset: number) => directory.getUint16(at + offset, true);
  const u32 = (offset: number) => directory.getUint32(at + offset, true);
  if (u32(0) !== 0x02014b50 || u16(10) || u16(32) || u16(34) || u16(8) & ~0x0800) {
    throw refuse("a member is compressed, encrypted or spread out");
  }
  const fileType = u32(38) >>> 28;
  if (u16(4) >> 8 === 3 && fileType !== 0 && fileType !== 8) {
    throw refuse("a member is no regular file"); // of Unix: above all a link
  }
  const [nameBytes, extraBytes] = [u16(28), u16(30)];
  const nameAt = at + CENTRAL_BYTES;
  const next = nameAt + nameBytes + extraBytes;
  if (next > directory.byteLength || !nameBytes) {
    throw refuse("a name is cut off");
  }
  const extra = new DataView(directory.buffer, directory.byteOffset + nameAt + nameBytes, extraBytes);
  const [size, packed, local] = widen([u32(24), u32(20), u32(42)], extra) as [number, number, number];
  if (size !== packed) {
    throw refuse("a member is compressed");
  }
  return { name: nameOf(new Uint8Array(directory.buffer, directory.byteOffset + nameAt, nameBytes)), size, local, next };
}

/** Replaces 32-bit values that stand for 64-bit ones; the only extra field that is allowed is theirs. */
function widen(values: readonly number[], extra: DataView): number[] {
  const wide = values.filter((value) => value === FULL).length;
  if (extra.byteLength !== (wide ? 4 + 8 * wide : 0)) {
    throw refuse("a member has unknown extra fields");
  }
  if (wide && (extra.getUint16(0, true) !== 1 || extra.getUint16(2, true) !== extra.byteLength - 4)) {
    throw refuse("a member has unknown extra fields");
  }
  let at = 4;
  return values.map((value) => (value === FULL ? number64(extra, (at += 8) - 8) : value));
}

function nameOf(raw: Uint8Array): string {
  return ascii(raw, "package-zip", "a name in the zip");
}

/** Holds the local header against the directory; returns where the bytes begin. */
async function checkLocal(reader: Window, at: number, name: string, size: number): Promise<number> {
  const head = await reader.read(at, LOCAL_BYTES, size < SMALL_BYTES ? WINDOW_BYTES : NEAR_BYTES);
  const differs = () => refuse("a local header differs from the directory");
  if (head.getUint32(0, true) !== 0x04034b50 || head.getUint16(8, true) || head.getUint16(6, true) & ~0x0800) {
    throw differs();
  }
  const values = [head.getUint32(22, true), head.getUint32(18, true)];
  const [nameBytes, extraBytes] = [head.getUint16(26, true), head.getUint16(28, true)];
  const rest = await reader.read(at + LOCAL_BYTES, nameBytes + extraBytes);
  if (nameOf(new Uint8Array(rest.buffer, rest.byteOffset, nameBytes)) !== name) {
    throw differs();
  }
  const extra = new DataView(rest.buffer, rest.byteOffset + nameBytes, extraBytes);
  if (widen(values, extra).some((value) => value !== size)) {
    throw differs();
  }
  return at + LOCAL_BYTES + nameBytes + extraBytes;
}
