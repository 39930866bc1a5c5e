/* The bag around the package: RFC 8493 as far as docs/spec/package.md uses it, each file in one spelling. */

import { type Bytes, before, compare, fromHex, hex, lines, text, utf8 } from "./codec";
import { Refused, shown } from "./errors";
import { sha256 } from "./hash";
import { checkPath, inContent } from "./layout";

export const DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
const LINE = /^([0-9a-f]{64}) {2}([^\n\r]{1,1100})$/;
const LABEL = /^[A-Za-z][A-Za-z-]{0,63}$/;
const CODE = "bag-malformed";

export type Digests = ReadonlyMap<string, Bytes>;

export function parseManifestLines(data: Uint8Array): Map<string, Bytes> {
  const found = new Map<string, Bytes>();
  let last = "";
  for (const line of lines(data, CODE, "a manifest of the bag")) {
    const match = LINE.exec(line);
    if (match === null || !before(last, match[2] as string)) {
      throw new Refused(CODE, `not the next line of a manifest: ${shown(line, 100)}`);
    }
    last = checkPath(match[2] as string);
    found.set(last, fromHex(match[1] as string) as Bytes);
  }
  return found;
}

/** What the export record names: SHA-256 over the manifest's lines of the content. */
export function contentDigest(digests: Digests): Bytes {
  const paths = [...digests.keys()].filter(inContent).sort(compare);
  return sha256(utf8(paths.map((path) => `${hex(digests.get(path) as Bytes)}  ${path}\n`).join("")));
}

/** bag-info.txt by label. */
export function parseInfo(data: Uint8Array): Map<string, string> {
  const rows = text(data, CODE, "bag-info.txt").split("\n");
  if (rows.pop() !== "") {
    throw new Refused(CODE, "bag-info.txt does not end in a newline");
  }
  const found = new Map<string, string>();
  for (const row of rows) {
    const mark = row.indexOf(": ");
    const [label, value] = [row.slice(0, Math.max(mark, 0)), row.slice(mark + 2)];
    if (mark < 0 || !LABEL.test(label) || found.has(label) || !value) {
      throw new Refused(CODE, "bag-info.txt has a line that is none, or one twice");
    }
    found.set(label, value);
  }
  return found;
}
