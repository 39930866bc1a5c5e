/* What the page draws: segments, gaps and custody facts of the exported streams, as the entries of the package tell them. */

import type { EventItem, GapItem, SegmentItem, StreamLine, Timeline } from "./api";
import { type Digests } from "./bag";
import { type Bytes, same } from "./codec";
import type { Followed } from "./entry_pass";
import { streamsOf } from "./kinds";
import type { PackageManifest } from "./manifest";
import { siteOf } from "./names";
import { ENUMS } from "./schema";
import { streamOf } from "./segment_check";
import type { Message } from "./wire";

const MAX_ITEMS = 50_000;
const QUIET = new Set(["heartbeat", "chain_heads", "key_registered", "key_revoked"]);

interface Line {
  readonly segments: SegmentItem[];
  readonly gaps: GapItem[];
  readonly events: EventItem[];
}

export class TimelineMaker {
  private readonly lines = new Map<string, Line>();
  private items = 0;
  private truncated = false;
  private readonly paths: ReadonlyMap<bigint, string>;
  private readonly absent: ReadonlySet<bigint>;

  constructor(private readonly manifest: PackageManifest, private readonly digests: Digests) {
    for (const { stream } of manifest.streams) {
      this.lines.set(stream, { segments: [], gaps: [], events: [] });
    }
    this.paths = new Map(manifest.files.map((row) => [row.index, `data/${row.path}`]));
    this.absent = new Set(manifest.absent.map((row) => row.index));
  }

  take(one: Followed): void {
    const { record } = one;
    if (QUIET.has(record.kind.name)) {
      return;
    }
    const ofSite = record.kind.family === "site" || (record.kind.family === "either" && !streamsOf(record.body).length);
    const streams = ofSite
      ? [...this.lines.keys()].filter((stream) => siteOf(stream) === record.body["site"])
      : record.kind.family === "footage" ? [streamOf(record)] : new Set(streamsOf(record.body));
    for (const stream of streams) {
      const line = this.lines.get(stream);
      if (line !== undefined && this.room()) {
        this.put(line, one, stream);
      }
    }
  }

  private room(): boolean {
    this.truncated ||= this.items >= MAX_ITEMS;
    this.items += 1;
    return !this.truncated;
  }

  private put(line: Line, { index, record, entry }: Followed, stream: string): void {
    const [from, to] = record.periodUs;
    const span = { index: Number(index), from_us: Number(from), to_us: Number(to) };
    const body = record.body;
    if (record.kind.name === "segment") {
      const found = this.segmentState(index, body["file_sha256"] as Bytes);
      line.segments.push({ ...span, number: Number(body["number"]), size_bytes: Number(body["size_bytes"]), ...found });
    } else if (record.kind.name === "gap") {
      line.gaps.push({ ...span, reason: ENUMS["GapReason"]?.[body["reason"] as number] ?? "" });
    } else {
      line.events.push({
        ...span,
        ...footageOf(body, stream),
        kind: record.kind.name,
        at_us: Number(record.atUs),
        submitter: entry.submitter,
        act: record.kind.name === "access" ? (ENUMS["AccessAct"]?.[body["act"] as number] ?? "") : "",
        case_number: textOf(body, "case_number"),
        recipient: textOf(body, "recipient"),
      });
    }
  }

  private segmentState(index: bigint, sha256: Bytes): Pick<SegmentItem, "path" | "state"> {
    const path = this.paths.get(index);
    if (path === undefined) {
      return { path: "", state: this.absent.has(index) ? "absent" : "margin" };
    }
    const found = this.digests.get(path);
    return found === undefined ? { path: "", state: "missing" } : { path, state: same(found, sha256) ? "good" : "altered" };
  }

  told(): Timeline {
    const streams: StreamLine[] = this.manifest.streams.map((row) => ({
      stream: row.stream,
      from_us: Number(row.from_us),
      to_us: Number(row.to_us),
      ...(this.lines.get(row.stream) as Line),
    }));
    return { zone: this.manifest.zone, streams, truncated: this.truncated };
  }
}

/** The footage of `stream` that a record is about, from the first to the last moment; nothing when it names none. */
function footageOf(body: Message, stream: string): Partial<Pick<EventItem, "from_us" | "to_us">> {
  const named = (body["spans"] ?? body["ranges"] ?? []) as Message[]; // Span of accesses and holds, SegmentRange of disposals
  const spans = named.filter((one) => one["stream"] === stream);
  const from = spans.map((one) => Number(one["from_us"]));
  const to = spans.map((one) => Number(one["to_us"]));
  return spans.length ? { from_us: Math.min(...from), to_us: Math.max(...to) } : {};
}

function textOf(body: Message, name: string): string {
  const value = body[name];
  return typeof value === "string" ? value : "";
}

export const NO_TIMELINE: Timeline = { zone: "", streams: [], truncated: false };
