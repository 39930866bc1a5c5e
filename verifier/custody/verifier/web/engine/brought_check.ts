/*
 * Check 14: files that a party brings. A browser compares them byte for byte; that a file has the coded pictures of a segment
 * in another container it does not see, so a file that is not identical is `not-compared` and the check not made.
 */

import type { BroughtFile, SourceFile } from "./api";
import { type Bytes, hex } from "./codec";
import type { PackageManifest } from "./manifest";
import { BROUGHT, type PackageReport, SEGMENTS } from "./report";

export async function checkBrought(
  report: PackageReport, manifest: PackageManifest, digests: ReadonlyMap<string, Bytes>, brought: readonly SourceFile[],
  hash: (file: Blob) => Promise<Bytes | null>,
): Promise<void> {
  if (!brought.length) {
    report.leave(BROUGHT, "nothing-brought");
    return;
  }
  if (report.blames(SEGMENTS) || !report.done.has(SEGMENTS)) {
    report.leave(BROUGHT, "footage-unproven");
    return;
  }
  const rows = manifest.files.filter((row) => hex(digests.get(`data/${row.path}`) ?? new Uint8Array()) === row.sha256);
  const found: BroughtFile[] = [];
  for (const { path, file } of brought) {
    const digest = await hash(file);
    const row = digest === null ? undefined : rows.find((one) => one.sha256 === hex(digest));
    if (digest === null) {
      found.push({ path, state: "unreadable", ranges: [] });
      report.find(BROUGHT, "footage-unreadable", `${path}: not from the segments of this package`);
    } else if (row === undefined) {
      found.push({ path, state: "not-compared", ranges: [] });
    } else {
      const range = { stream: row.stream, number: Number(row.number), first_unit: 0, units: Number(row.units) };
      found.push({ path, state: "identical", ranges: [range] });
    }
  }
  report.brought = found;
  report.done.add(BROUGHT);
  if (found.some((one) => one.state === "not-compared")) {
    report.leave(BROUGHT, "footage-not-compared");
  }
}
