/*
 * Checks 5 and 6, and what 8, 10, 11 and 12 need of the entries: one pass, entry by entry, in bounded memory.
 *
 * An entry is believed when it is in a slice whose last entry is proven: each names its predecessor's hash, so the proof of the
 * last one is a proof of all. Until the pass has ended nothing that was read is more than a claim; the findings say so.
 */

import type { Checkpoint } from "./checkpoint";
import { type Bytes, same } from "./codec";
import { type ReadEntry, decodeEntry } from "./entry";
import { type Readable, readFrames } from "./framing";
import { leafHash } from "./hash";
import type { Inclusion, Slices } from "./log_part";
import { type ReadRecord, readRecord } from "./record";
import { CHAINS, ENTRIES, type PackageReport } from "./report";
import { verifyInclusion } from "./tree";

/** How far a slice has been followed. */
export interface SliceState {
  readonly first: bigint;
  readonly last: bigint;
  seq: bigint;
  leaf: Bytes;
  proven: boolean;
}

export interface Followed {
  readonly index: bigint;
  readonly leaf: Bytes;
  readonly entry: ReadEntry;
  readonly record: ReadRecord;
}

export class EntryPass {
  readonly states = new Map<string, SliceState>();
  private stampUs = 0n;

  constructor(
    private readonly report: PackageReport, private readonly checkpoint: Checkpoint, slices: Slices,
    private readonly inclusion: Inclusion,
  ) {
    for (const { chain, first, last } of slices.slices) {
      this.states.set(chain, { first, last, seq: 0n, leaf: new Uint8Array() as Bytes, proven: false });
    }
  }

  /** Reads every entry and gives each that could be read to `take`, in the order of the log. */
  async follow(
    file: Readable, indexes: BigUint64Array, take: (one: Followed) => void, progress: (done: number) => void,
  ): Promise<void> {
    let at = 0;
    for await (const raws of readFrames(file)) {
      if (at + raws.length > indexes.length) {
        this.report.find(ENTRIES, "package-log-part", "there are more entries than indexes");
        return;
      }
      for (const raw of raws) {
        this.one(raw, indexes[at++] as bigint, take);
      }
      progress(at);
    }
    this.report.entries = at;
    if (at !== indexes.length) {
      this.report.find(ENTRIES, "package-log-part", `${indexes.length} indexes, but ${at} entries`);
    }
  }

  private one(raw: Uint8Array, index: bigint, take: (one: Followed) => void): void {
    let followed: Followed;
    try {
      const entry = decodeEntry(raw);
      followed = { index, leaf: leafHash(raw), entry, record: readRecord(entry.record) };
    } catch (error) {
      this.report.caught(ENTRIES, error, { index });
      return;
    }
    this.link(followed);
    take(followed);
  }

  private link({ index, leaf, entry, record }: Followed): void {
    if (entry.links.map((link) => link.chain).join("\n") !== record.chains.join("\n")) {
      this.report.find(CHAINS, "chains-differ", "an entry is filed under other chains than its record's", { index });
    }
    if (entry.sequencedAtUs < this.stampUs) {
      // The place of an entry inside a slice is not proven by itself; its order in time is what can be held against it.
      this.report.find(CHAINS, "time-decreases", "an entry was sequenced before one with a lower index", { index });
    }
    this.stampUs = entry.sequencedAtUs;
    const proven = this.prove(index, leaf);
    let known = false;
    for (const { chain, seq, prev } of entry.links) {
      const state = this.states.get(chain);
      if (state === undefined || seq < state.first || seq > state.last) {
        continue;
      }
      known = true;
      const next = state.seq ? state.seq + 1n : state.first;
      if (seq !== next || (state.seq && !same(prev, state.leaf))) {
        this.report.find(CHAINS, "chain-broken", `${chain}: entry ${seq} does not follow ${state.seq}`, { index });
      }
      Object.assign(state, { seq, leaf, proven });
    }
    if (!known) {
      this.report.find(CHAINS, "entry-stray", "an entry belongs to no slice of the package", { index });
    }
  }

  private prove(index: bigint, leaf: Bytes): boolean {
    const hashes = this.inclusion.proofs.get(index);
    if (hashes === undefined) {
      return false;
    }
    try {
      verifyInclusion(leaf, index, this.checkpoint.size, hashes, this.checkpoint.root);
      return true;
    } catch (error) {
      this.report.caught(CHAINS, error, { index });
      return false;
    }
  }

  /** Every slice reached its end, and its end is proven. */
  end(): void {
    for (const [chain, state] of this.states) {
      if (state.seq !== state.last) {
        this.report.find(CHAINS, "slice-incomplete", `${chain} ends at ${state.seq}, not at ${state.last}`);
      } else if (!state.proven) {
        this.report.find(CHAINS, "slice-unproven", `${chain}: its last entry is not proven to be in the log`);
      }
    }
    this.report.done.add(ENTRIES).add(CHAINS);
  }
}

