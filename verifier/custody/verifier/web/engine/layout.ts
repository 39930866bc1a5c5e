/* Names and bounds of a package: docs/spec/package.md, "Container" and "Layout". */

import { Refused, shown } from "./errors";

export const SCHEMA = "custody.package/1";
/** The one folder in a zip. */
export const TOP = "package";

export const BAGIT = "bagit.txt";
export const BAG_INFO = "bag-info.txt";
export const MANIFEST = "manifest-sha256.txt";
export const TAGMANIFEST = "tagmanifest-sha256.txt";
export const ENVELOPE = "signatures/manifest.dsse.json";
export const PACKAGE_MANIFEST = "data/manifest.json";
export const PACKAGE_CSV = "data/manifest.csv";
export const WITHHELD = "data/withheld.json";
export const DISCLOSURES = "data/disclosures/";
export const LOG = "data/log/";
export const PROOFS = "data/proofs/";
export const STAMPS = "data/timestamps/";
export const FOOTAGE = "data/footage/";
export const DERIVED = "data/derived/";
/** The first stamped checkpoint that covers the footage (docs/spec/timestamps.md, "In a package"). */
export const EARLY = `${STAMPS}early/`;
export const CHECKPOINT = `${LOG}checkpoint`;
export const EARLIER = `${LOG}earlier-checkpoint`;
export const CONSISTENCY = `${LOG}consistency`;
export const ENTRIES = `${LOG}entries`;
export const INDEXES = `${LOG}indexes`;
export const SLICES = `${LOG}slices.json`;
export const HEADS = `${LOG}heads`;
export const INCLUSION = `${LOG}inclusion.json`;
export const VKEYS = `${LOG}vkeys`;

export const MAX_MEMBERS = 200_000;
export const MAX_DOCUMENT_BYTES = 64 << 20;
export const MAX_ENTRIES = 2_000_000;
export const MAX_PROOF_LIST = 100_000;

const MAX_PARTS = 8;
const PART = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,126}(?<!\.)$/;
/** Windows opens these instead of a file, whatever ending they have, and drops a dot at the end of a name. */
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$/i;

function safePart(part: string): boolean {
  return PART.test(part) && !DEVICE.test(part);
}

/** Where the files of a stream lie: under its own name, or between underscores where a part of it is no safe name. */
export function folderOf(stream: string): string {
  return stream.split("/").map((part) => (safePart(part) ? part : `_${part}_`)).join("/");
}

export function checkPath(path: string): string {
  const parts = path.split("/");
  if (parts.length > MAX_PARTS || !parts.every(safePart)) {
    throw new Refused("package-path", `not a path of a package: ${shown(path, 200)}`);
  }
  return path;
}

/** Two paths, or folders of them, that differ in case alone are one on some disks. */
export function checkSpellings(paths: Iterable<string>): void {
  const spelled = new Map<string, string>();
  for (const path of paths) {
    for (let part = path; part; part = part.slice(0, Math.max(0, part.lastIndexOf("/")))) {
      const known = spelled.get(part.toLowerCase());
      if (known === part) {
        break;
      }
      if (known !== undefined) {
        throw new Refused("package-path", `two names differ in case alone: ${shown(path, 200)}`);
      }
      spelled.set(part.toLowerCase(), part);
    }
  }
}

/** Payload that the export record commits to: all but what is made after the export was recorded. */
export function inContent(path: string): boolean {
  return ![LOG, PROOFS, STAMPS].some((prefix) => path.startsWith(prefix));
}
