/*
 * Which time of a stream was recorded, which gap somebody declared, and which nobody explained: from the entries alone.
 * The rules of the exporter may explain more (recording by motion); here only what an entry says counts.
 */

import type { StreamLine } from "../engine/api";

export interface Stretch {
  readonly kind: "recorded" | "declared" | "unexplained";
  readonly from_us: number;
  readonly to_us: number;
  /** Of a declared gap. */
  readonly reason: string;
}

/** Shorter silence is how recorders close one file and open the next (`tolerance_seconds` of the rule profiles). */
export const TOLERANCE_US = 2_000_000;

type Span = readonly [number, number];

/** Sorted, and joined where they touch within `tolerance`. */
function joined(spans: readonly Span[], tolerance: number): Span[] {
  const found: [number, number][] = [];
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = found.at(-1);
    if (last !== undefined && from <= last[1] + tolerance) {
      last[1] = Math.max(last[1], to);
    } else if (from < to) {
      found.push([from, to]);
    }
  }
  return found;
}

/** What of [from, to) no span covers. */
function rest(spans: readonly Span[], from: number, to: number): Span[] {
  const found: Span[] = [];
  let at = from;
  for (const [begin, end] of spans) {
    if (begin > at) {
      found.push([at, Math.min(begin, to)]);
    }
    at = Math.max(at, end);
    if (at >= to) {
      break;
    }
  }
  if (at < to) {
    found.push([at, to]);
  }
  return found.filter(([begin, end]) => begin < end);
}

/** The time that is drawn: the exported period and the neighbours that are in the package, never beyond its making. */
export function axisOf(line: StreamLine, preparedUs: number): Span {
  const from = line.segments.reduce((least, one) => Math.min(least, one.from_us), line.from_us);
  const to = line.segments.reduce((most, one) => Math.max(most, one.to_us), line.to_us);
  const end = preparedUs > from ? Math.min(to, Math.max(preparedUs, line.segments.at(-1)?.to_us ?? 0)) : to;
  return [from, Math.max(end, from + 1)];
}

export function coverage(line: StreamLine, axis: Span): Stretch[] {
  const [from, to] = axis;
  const recorded = joined(line.segments.map((one) => [one.from_us, one.to_us]), TOLERANCE_US);
  const found: Stretch[] = recorded.map(([begin, end]) => ({ kind: "recorded", from_us: begin, to_us: end, reason: "" }));
  const explained: Span[] = [...recorded];
  for (const gap of line.gaps) {
    // "unknown" declares a gap and explains nothing (docs/spec/rules.md, "Time").
    if (gap.reason !== "unknown" && gap.from_us < to && gap.to_us > from) {
      explained.push([gap.from_us, gap.to_us]);
      for (const [begin, end] of rest(recorded, Math.max(gap.from_us, from), Math.min(gap.to_us, to))) {
        found.push({ kind: "declared", from_us: begin, to_us: end, reason: gap.reason });
      }
    }
  }
  for (const [begin, end] of rest(joined(explained, TOLERANCE_US), from, to)) {
    if (end - begin > TOLERANCE_US) {
      found.push({ kind: "unexplained", from_us: begin, to_us: end, reason: "" });
    }
  }
  return found.sort((a, b) => a.from_us - b.from_us || a.to_us - b.to_us);
}
