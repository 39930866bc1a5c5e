/* Check 8: manifest, records and files say the same; every recorded segment of the period is there or named as absent. */

import type { Digests } from "./bag";
import { type Bytes, hex, same } from "./codec";
import type { Followed } from "./entry_pass";
import { FOOTAGE, folderOf } from "./layout";
import { type AbsentRow, type FileRow, type PackageManifest, manifestCsv } from "./manifest";
import { Margins } from "./margins";
import type { ReadRecord } from "./record";
import { type PackageReport, SEGMENTS } from "./report";
import { ENUMS } from "./schema";
import type { Message } from "./wire";

const SM3 = 1;

export class SegmentCheck {
  /** Leaf hashes of the segments that the manifest names. */
  readonly leaves = new Map<bigint, Bytes>();
  private readonly rows: Map<bigint, FileRow>;
  private readonly absent: Map<bigint, AbsentRow>;
  /** By stream: what bounds the period in the slice of its footage. */
  readonly margins: ReadonlyMap<string, Margins>;

  constructor(private readonly report: PackageReport, manifest: PackageManifest, private readonly digests: Digests) {
    this.rows = new Map(manifest.files.map((row) => [row.index, row]));
    this.absent = new Map(manifest.absent.map((row) => [row.index, row]));
    this.margins = new Map(manifest.streams.map((row) => [row.stream, new Margins(row.from_us, row.to_us)]));
    if (this.rows.size !== manifest.files.length || [...this.rows.keys()].some((index) => this.absent.has(index))) {
      report.find(SEGMENTS, "package-manifest", "an entry is named twice in the manifest");
    }
  }

  /** One entry; of any kind. */
  take({ index, leaf, entry, record }: Followed): void {
    if (record.kind.family !== "footage") {
      return;
    }
    if (this.margins.get(streamOf(record))?.take(record, entry.sequencedAtUs) && record.kind.name === "segment") {
      this.segment(index, leaf, record);
    }
  }

  private segment(index: bigint, leaf: Bytes, record: ReadRecord): void {
    const [stream, number] = [record.body["stream"], record.body["number"]];
    const [row, absent] = [this.rows.get(index), this.absent.get(index)];
    this.rows.delete(index);
    this.absent.delete(index);
    if (row !== undefined) {
      this.leaves.set(index, leaf);
      this.compare(row, record);
    } else if (absent === undefined || absent.stream !== stream || absent.number !== number) {
      const message = `${stream as string}: segment ${number as bigint} is recorded and not named`;
      this.report.find(SEGMENTS, "segment-unlisted", message, { index });
    }
  }

  private compare(row: FileRow, record: ReadRecord): void {
    const body = record.body;
    const sm3 = (body["digests"] as Message[]).find((one) => one["algorithm"] === SM3)?.["value"] as Bytes | undefined;
    const media = body["media"] as Message | undefined;
    const told = [
      body["stream"], body["number"], record.atUs, record.atUs + (body["duration_us"] as bigint), body["size_bytes"],
      hex(body["file_sha256"] as Bytes), sm3 ? hex(sm3) : "", media ? hex(media["media_root"] as Bytes) : "", media?.["units"] ?? 0n,
      ENUMS["Container"]?.[body["container"] as number], ENUMS["Codec"]?.[body["codec"] as number],
    ];
    const said = [
      row.stream, row.number, row.from_us, row.to_us, row.size_bytes, row.sha256, row.sm3, row.media_root, row.units,
      row.container, row.codec,
    ];
    if (told.some((value, at) => value !== said[at])) {
      this.report.find(SEGMENTS, "segment-differs", `${row.path}: the manifest says other than the record`, { index: row.index });
    }
    const path = `data/${row.path}`;
    const found = this.digests.get(path);
    if (found === undefined || !same(found, body["file_sha256"] as Bytes)) {
      this.report.find(SEGMENTS, "segment-altered", `${row.path} ${found === undefined ? "is not there" : "is not the recorded file"}`, { path });
    }
  }

  /** What the manifest names and no entry tells. */
  end(): void {
    for (const row of this.rows.values()) {
      this.report.find(SEGMENTS, "segment-unrecorded", `${row.path}: no such segment is recorded`, { path: row.path });
    }
    for (const row of this.absent.values()) {
      this.report.find(SEGMENTS, "segment-unrecorded", `${row.stream} ${row.number}: not recorded`);
    }
    this.report.done.add(SEGMENTS);
  }
}

export function streamOf(record: ReadRecord): string {
  const span = record.body["span"] as Message | undefined;
  return ((span ? span["stream"] : record.body["stream"]) as string | undefined) ?? "";
}

/** Nothing lies among the footage that the manifest does not name; the table for spreadsheets says the same. */
export function checkFiles(report: PackageReport, manifest: PackageManifest, names: readonly string[], csv: Uint8Array): void {
  const listed = new Set(manifest.files.map((row) => `data/${row.path}`));
  for (const path of names) {
    if (path.startsWith(FOOTAGE) && !listed.has(path)) {
      report.find(SEGMENTS, "file-unlisted", `${path} is not in the manifest`, { path });
    }
  }
  for (const { path, stream } of manifest.files) {
    if (!`data/${path}`.startsWith(`${FOOTAGE}${folderOf(stream)}/`)) {
      report.find(SEGMENTS, "package-manifest", `${path} lies under another stream`, { path });
    }
  }
  if (!same(csv, manifestCsv(manifest))) {
    report.find(SEGMENTS, "manifest-csv", "manifest.csv says other than manifest.json");
  }
}
