/* manifest.json and manifest.csv: docs/spec/package.md and package-manifest.schema.json. */

import { type Bytes, compare, utf8 } from "./codec";
import { Refused } from "./errors";
import { Form, type Json, type JsonObject, decodeJson } from "./json";
import { SCHEMA, checkPath } from "./layout";
import { MAX_COUNT, MAX_TIME_US } from "./names";

const CODE = "package-manifest";
const FORM = new Form(CODE, "manifest.json");
const ZONE = /^([+-])(0\d|1[0-4]):([0-5]\d)$/;
const TEXTS = ["path", "stream", "utc", "local", "container", "codec", "sha256"];
const NUMBERS = ["number", "index", "from_us", "to_us", "size_bytes"];
const OPTIONAL = ["sm3", "media_root", "units"];
const COLUMNS = [
  "path", "stream", "number", "index", "utc", "local", "from_us", "to_us", "container", "codec", "size_bytes", "sha256", "sm3",
  "media_root", "units",
] as const;

export interface FileRow {
  readonly path: string;
  readonly stream: string;
  readonly number: bigint;
  readonly index: bigint;
  readonly from_us: bigint;
  readonly to_us: bigint;
  readonly utc: string;
  readonly local: string;
  readonly container: string;
  readonly codec: string;
  readonly size_bytes: bigint;
  readonly sha256: string;
  readonly sm3: string;
  readonly media_root: string;
  readonly units: bigint;
}

export interface AbsentRow {
  readonly stream: string;
  readonly number: bigint;
  readonly index: bigint;
  readonly reason: string;
}

/** Segments `first` to `last` of a stream, of which something was derived. */
export interface SourceRow {
  readonly stream: string;
  readonly first: bigint;
  readonly last: bigint;
}

/** A copy in which something was made unrecognisable, as its record tells of it. */
export interface DerivedRow {
  readonly path: string;
  readonly index: bigint;
  readonly size_bytes: bigint;
  readonly sha256: string;
  readonly transform: string;
  readonly tool: string;
  readonly sources: readonly SourceRow[];
  readonly media_root: string;
}

/** A redacted copy is given in its place. */
export const WITHHELD_SOURCE = "withheld-source";

export interface StreamRow {
  readonly stream: string;
  readonly from_us: bigint;
  readonly to_us: bigint;
}

export interface PackageManifest {
  readonly log: string;
  readonly caseNumber: string;
  readonly recipient: string;
  readonly zone: string;
  readonly snapshot: bigint;
  readonly preparedUs: bigint;
  readonly streams: readonly StreamRow[];
  readonly files: readonly FileRow[];
  readonly absent: readonly AbsentRow[];
  readonly derived: readonly DerivedRow[];
}

export function parseManifest(data: Uint8Array): PackageManifest {
  const value = FORM.object(decodeJson(data, CODE), [
    "schema", "log", "case_number", "recipient", "zone", "snapshot", "prepared_us", "streams", "files", "absent",
  ], ["derived"]);
  const found: PackageManifest = {
    log: FORM.text(value["log"]),
    caseNumber: FORM.text(value["case_number"]),
    recipient: FORM.text(value["recipient"]),
    zone: FORM.text(value["zone"]),
    snapshot: count(value["snapshot"]),
    preparedUs: count(value["prepared_us"]),
    streams: FORM.list(value["streams"]).map(readStream),
    files: FORM.list(value["files"]).map(readFile),
    absent: FORM.list(value["absent"]).map(readAbsent),
    derived: FORM.list(value["derived"] ?? []).map(readDerived),
  };
  if (value["schema"] !== SCHEMA || !found.streams.length || ("derived" in value && !found.derived.length)) {
    throw FORM.bad();
  }
  ascending(found.streams, (one, two) => compare(one.stream, two.stream));
  ascending(found.files, byPlace);
  ascending(found.absent, byPlace);
  ascending(found.derived, (one, two) => order(one.index, two.index) || compare(one.path, two.path));
  checkFiles(found);
  return found;
}

function checkFiles(found: PackageManifest): void {
  const listed = [...found.files, ...found.derived];
  if (new Set(listed.map((row) => checkPath(row.path))).size !== listed.length) {
    throw new Refused(CODE, "two segments are said to be one file");
  }
  for (const row of found.files) {
    const [utc, local] = showTimes(row.from_us, found.zone);
    if (row.utc !== utc || row.local !== local) {
      throw new Refused(CODE, `${row.path}: the written times are not those of from_us`);
    }
  }
}

type Place = Pick<AbsentRow, "stream" | "number" | "index">;

function byPlace(one: Place, two: Place): number {
  return compare(one.stream, two.stream) || order(one.number, two.number) || order(one.index, two.index);
}

function order(one: bigint, two: bigint): number {
  return one < two ? -1 : one > two ? 1 : 0;
}

function ascending<Row>(rows: readonly Row[], by: (one: Row, two: Row) => number): void {
  if (rows.some((row, at) => at > 0 && by(rows[at - 1] as Row, row) >= 0)) {
    throw new Refused(CODE, "the rows are not sorted, or one is twice");
  }
}

function count(value: Json | undefined): bigint {
  return FORM.number(value, 0n, MAX_COUNT);
}

function readStream(value: Json): StreamRow {
  const row = FORM.object(value, ["stream", "from_us", "to_us"]);
  return { stream: FORM.text(row["stream"]), from_us: count(row["from_us"]), to_us: count(row["to_us"]) };
}

function readFile(value: Json): FileRow {
  const row: JsonObject = FORM.object(value, [...TEXTS, ...NUMBERS], OPTIONAL);
  // What the record does not have is left out, so an empty one is another spelling.
  if (OPTIONAL.some((name) => name in row && (row[name] === "" || row[name] === 0n))) {
    throw FORM.bad();
  }
  const fields: Record<string, string | bigint> = {};
  for (const name of [...TEXTS, "sm3", "media_root"]) {
    fields[name] = FORM.text(row[name] ?? (OPTIONAL.includes(name) ? "" : undefined));
  }
  for (const name of [...NUMBERS, "units"]) {
    fields[name] = count(row[name] ?? (name === "units" ? 0n : undefined));
  }
  return fields as unknown as FileRow;
}

function readDerived(value: Json): DerivedRow {
  const row = FORM.object(value, ["path", "index", "size_bytes", "sha256", "transform", "tool", "sources"], ["media_root"]);
  if (row["media_root"] === "") {
    throw FORM.bad();
  }
  const sources = FORM.list(row["sources"]).map((item) => {
    const source = FORM.object(item, ["stream", "first", "last"]);
    return { stream: FORM.text(source["stream"]), first: count(source["first"]), last: count(source["last"]) };
  });
  return {
    path: FORM.text(row["path"]), index: count(row["index"]), size_bytes: count(row["size_bytes"]),
    sha256: FORM.text(row["sha256"]), transform: FORM.text(row["transform"]), tool: FORM.text(row["tool"]), sources,
    media_root: FORM.text(row["media_root"] ?? ""),
  };
}

function readAbsent(value: Json): AbsentRow {
  const row = FORM.object(value, ["stream", "number", "index", "reason"]);
  const reason = FORM.text(row["reason"]);
  if (!["not-found", "altered", WITHHELD_SOURCE].includes(reason)) {
    throw FORM.bad();
  }
  return { stream: FORM.text(row["stream"]), number: count(row["number"]), index: count(row["index"]), reason };
}

/** UTC and local time of a moment, ISO 8601 to the millisecond. */
export function showTimes(atUs: bigint, zone: string): [string, string] {
  const match = ZONE.exec(zone);
  if (match === null) {
    throw new Refused(CODE, "not an offset like +08:00");
  }
  const minutes = (Number(match[2]) * 60 + Number(match[3])) * (match[1] === "-" ? -1 : 1);
  const localUs = atUs + BigInt(minutes) * 60_000_000n;
  if (atUs > MAX_TIME_US || localUs > MAX_TIME_US) {
    throw new Refused(CODE, `not a time: ${atUs}`);
  }
  const offset = minutes ? zone : "+00:00";
  return [iso(atUs), iso(localUs).replace("Z", offset)];
}

function iso(us: bigint): string {
  return new Date(Number((us - (((us % 1000n) + 1000n) % 1000n)) / 1000n)).toISOString();
}

/** manifest.csv: RFC 4180 with a byte order mark. */
export function manifestCsv(manifest: PackageManifest): Bytes {
  const row = (cells: readonly string[]) => `${cells.map(quoted).join(",")}\r\n`;
  const rows = manifest.files.map((file) => row(COLUMNS.map((name) => (file[name] ? String(file[name]) : ""))));
  return utf8(`\ufeff${row(COLUMNS)}${rows.join("")}`);
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
