/*
 * Check 8, for derived copies: each is what a record of the log says was made of which segments. A derived copy is never footage:
 * its pictures were changed. The segments themselves are in the package, or a court can ask for them by their entries.
 */

import type { DerivedCopy } from "./api";
import type { Digests } from "./bag";
import { type Bytes, hex, same } from "./codec";
import { DERIVED } from "./layout";
import { type DerivedRow, type PackageManifest, type SourceRow, WITHHELD_SOURCE } from "./manifest";
import type { ReadRecord } from "./record";
import { type PackageReport, SEGMENTS } from "./report";
import type { Message } from "./wire";

/** A source that names more segments than a package has files is not whole in it. */
const MOST = 200_000n;

export class DerivedCheck {
  private readonly rows: Map<bigint, DerivedRow>;
  private readonly proven: DerivedRow[] = [];

  constructor(
    private readonly report: PackageReport, private readonly manifest: PackageManifest, private readonly digests: Digests,
  ) {
    this.rows = new Map(manifest.derived.map((row) => [row.index, row]));
    if (this.rows.size !== manifest.derived.length) {
      report.find(SEGMENTS, "package-manifest", "an entry is named twice among the derived copies");
    }
  }

  /** One entry; of any kind. */
  take(index: bigint, record: ReadRecord): void {
    const row = record.kind.name === "redaction" ? this.rows.get(index) : undefined;
    if (row === undefined) {
      return;
    }
    this.rows.delete(index);
    const body = record.body;
    const sources = (list: readonly (SourceRow | Message)[]) =>
      list.map((one) => [one["stream" as never], one["first" as never], one["last" as never]].join("\n")).join("\n\n");
    const sha256 = body["derived_sha256"] as Bytes;
    const told = [
      hex(sha256), body["transform"], body["tool"], hex(body["derived_media_root"] as Bytes),
      sources(body["sources"] as Message[]), (body["derived_bytes"] as bigint) || row.size_bytes,
    ];
    const said = [row.sha256, row.transform, row.tool, row.media_root, sources(row.sources), row.size_bytes];
    if (told.some((value, at) => value !== said[at])) {
      this.report.find(SEGMENTS, "derived-differs", `${row.path}: the manifest says other than the record`, { index });
    }
    const path = `data/${row.path}`;
    const found = this.digests.get(path);
    if (found === undefined || !same(found, sha256) || !path.startsWith(DERIVED)) {
      this.report.find(SEGMENTS, "derived-altered", `${row.path} is not the recorded copy`, { path });
    }
    this.proven.push(row);
  }

  /** What no entry tells, what the manifest does not name, and sources that are kept back for nothing. */
  end(names: readonly string[]): void {
    const { report, manifest } = this;
    for (const row of this.rows.values()) {
      report.find(SEGMENTS, "derived-unrecorded", `${row.path}: no such copy is recorded`, { path: row.path });
    }
    const listed = new Set(manifest.derived.map((row) => `data/${row.path}`));
    for (const path of names) {
      if (path.startsWith(DERIVED) && !listed.has(path)) {
        report.find(SEGMENTS, "file-unlisted", `${path} is not in the manifest`, { path });
      }
    }
    const sources = this.proven.flatMap((row) => row.sources);
    for (const { stream, number, reason } of manifest.absent) {
      const held = sources.some((one) => one.stream === stream && one.first <= number && number <= one.last);
      if (reason === WITHHELD_SOURCE && !held) {
        report.find(SEGMENTS, "source-withheld", `${stream} ${number} is kept back, and no copy of it is here`);
      }
    }
    report.derived = this.proven.map((row) => this.told(row));
  }

  private told(row: DerivedRow): DerivedCopy {
    const { path, index, transform, tool } = row;
    const sources = row.sources.map((source) => ({
      stream: source.stream, first: Number(source.first), last: Number(source.last), given: this.isGiven(source),
    }));
    return { path, index: Number(index), transform, tool, sources };
  }

  /** Whether every segment of the source is in the package. */
  private isGiven({ stream, first, last }: SourceRow): boolean {
    const place = (row: { stream: string; number: bigint }) => `${row.stream}\n${row.number}`;
    const absent = new Set(this.manifest.absent.map(place));
    const here = new Set(this.manifest.files.map(place).filter((one) => !absent.has(one)));
    if (last - first >= MOST) {
      return false;
    }
    for (let number = first; number <= last; number++) {
      if (!here.has(place({ stream, number }))) {
        return false;
      }
    }
    return true;
  }
}
