/*
 * Whether a slice of a footage chain can have been cut beside its period (docs/spec/package.md, "The log part"). Only a segment
 * bounds a period, and only where the ledger's own stamp agrees: a source dates its entries itself, and tells some of them before
 * the segment in which they lie is finished. What is dated far behind its own stamp has a wrong clock and bounds nothing.
 */

import type { ReadRecord } from "./record";

const WRONG_CLOCK_US = 86_400_000_000n;

export class Margins {
  /** A segment that bounds the period stands before all that touches it. */
  left = false;
  /** One stands behind all that touches it. */
  right = false;
  private touched = false;

  constructor(readonly fromUs: bigint, readonly toUs: bigint) {}

  /** The next entry of the slice; true when it touches the period. */
  take(record: ReadRecord, stampedUs: bigint): boolean {
    const [begin, end] = record.periodUs;
    if (begin < this.toUs && (end > this.fromUs || (begin === end && end === this.fromUs))) {
      this.touched = true;
      this.right = false;
      return true;
    }
    if (record.kind.name === "segment") {
      this.left ||= !this.touched && end <= this.fromUs && stampedUs <= this.fromUs;
      this.right ||= begin >= this.toUs && stampedUs >= this.toUs && begin <= stampedUs + WRONG_CLOCK_US;
    }
    return false;
  }
}
