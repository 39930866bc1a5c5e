/* Check 15: the seals of sources among the entries of the package, as far as the entries that they cover are there. */

import type { Bytes } from "./codec";
import type { Followed } from "./entry_pass";
import type { ReadEntry, Seal } from "./entry";
import { Refused } from "./errors";
import { Keyring } from "./keyring";
import { type PackageReport, SEALS } from "./report";
import { verifySeal } from "./seal";

const MAX_COVERED = 1_024;

interface Covered {
  readonly index: bigint;
  readonly record: Bytes;
  readonly submitter: string;
  readonly sealed: boolean;
}

export class SealCheck {
  private readonly keys = new Keyring();
  /** Neighbouring entries up to the last one. */
  private run: Covered[] = [];
  private good = 0;
  private partial = 0;

  constructor(private readonly report: PackageReport, private readonly origin: string) {}

  take({ index, entry, record }: Followed): void {
    this.keys.take(record);
    if (this.run.length && this.run.at(-1)?.index !== index - 1n) {
      this.run = [];
    }
    if (entry.seal !== null) {
      const before = entry.seal.count - 1;
      if (before > this.run.length) {
        this.partial += 1;
      } else {
        this.verify(index, entry, entry.seal, this.run.slice(this.run.length - before));
      }
    }
    // The bytes are copied: they stand in a piece of the file that would else be kept for them.
    this.run.push({ index, record: entry.record.slice() as Bytes, submitter: entry.submitter, sealed: entry.seal !== null });
    if (this.run.length > 2 * MAX_COVERED) {
      this.run = this.run.slice(-MAX_COVERED);
    }
  }

  private verify(index: bigint, entry: ReadEntry, seal: Seal, covered: readonly Covered[]): void {
    try {
      if (covered.some((one) => one.sealed)) {
        throw new Refused("seal-count", "it covers an entry that has a seal of its own");
      }
      if (covered.some((one) => one.submitter !== entry.submitter)) {
        throw new Refused("seal-count", `it covers entries of others than ${entry.submitter}`);
      }
      const key = this.keys.sealKey(seal.keyId, entry.submitter, entry.sequencedAtUs);
      verifySeal(seal, key, this.origin, [...covered.map((one) => one.record), entry.record]);
      this.good += 1;
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      this.report.find(SEALS, error.code, `the seal on entry ${index}: ${error.message}`, { index });
    }
  }

  /** Not called when the entries could not be read to their end: then the seals stay not checked. */
  end(): void {
    this.report.sealed = this.good;
    this.report.done.add(SEALS);
    if (!this.good) {
      this.report.leave(SEALS, this.partial ? "seals-partial" : "no-seal", this.partial);
    }
  }
}
