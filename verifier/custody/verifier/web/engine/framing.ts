/* Items one behind the other, each behind its length as a big-endian uint16: the framing of C2SP entry bundles. */

import { Refused } from "./errors";

const PIECE_BYTES = 1 << 20;

/** Something that is read by position: a member of a package. */
export interface Readable {
  readonly size: number;
  slice(start: number, end: number): Promise<Uint8Array>;
}

/** The items of a file, read in pieces; refuses with `package-framing` when the last one is cut. */
export async function* readFrames(file: Readable): AsyncGenerator<Uint8Array[]> {
  let rest = new Uint8Array();
  for (let from = 0; from < file.size; from += PIECE_BYTES) {
    const piece = await file.slice(from, Math.min(from + PIECE_BYTES, file.size));
    const data = new Uint8Array(rest.length + piece.length);
    data.set(rest);
    data.set(piece, rest.length);
    const { items, at } = split(data);
    rest = data.slice(at);
    if (items.length) {
      yield items;
    }
  }
  if (rest.length) {
    throw new Refused("package-framing", "the last item is cut off");
  }
}

function split(data: Uint8Array): { items: Uint8Array[]; at: number } {
  const items: Uint8Array[] = [];
  let at = 0;
  while (at + 2 <= data.length) {
    const end = at + 2 + (((data[at] as number) << 8) | (data[at + 1] as number));
    if (end > data.length) {
      break;
    }
    items.push(data.subarray(at + 2, end));
    at = end;
  }
  return { items, at };
}

/** The `width` entries of a C2SP entry bundle, else `bundle-malformed`. */
export function decodeBundle(bundle: Uint8Array, width: number): Uint8Array[] {
  const { items, at } = split(bundle);
  if (items.length !== width || at !== bundle.length) {
    throw new Refused("bundle-malformed", `the bundle does not hold exactly ${width} entries`);
  }
  return items;
}
