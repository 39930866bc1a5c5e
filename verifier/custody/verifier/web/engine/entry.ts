/* The entry: docs/spec/entry.md, "Reading, in order". The record in it stays bytes. */

import { type Bytes, before, concat } from "./codec";
import { Refused } from "./errors";
import {
  MAX_BATCH_RECORDS, MAX_COUNT, MAX_ENTRY_BYTES, MAX_RECORD_BYTES, MAX_STREAMS_PER_RECORD, MAX_TIME_US,
  checkChain, checkIdentity, checkKeyId,
} from "./names";
import { decodeStrictly } from "./record";
import type { Message } from "./wire";

const MAX_SIGNATURE_BYTES = 2_420;

export interface Link {
  readonly chain: string;
  readonly seq: bigint;
  /** Leaf hash of the predecessor; empty for the first. */
  readonly prev: Bytes;
}

/** Signature of the source; covers this entry and the `count` - 1 before it (docs/spec/seal.md). */
export interface Seal {
  readonly keyId: string;
  readonly signature: Bytes;
  readonly count: number;
}

export interface ReadEntry {
  readonly record: Bytes;
  readonly submitter: string;
  readonly sequencedAtUs: bigint;
  readonly links: readonly Link[];
  readonly seal: Seal | null;
}

export function decodeEntry(raw: Uint8Array): ReadEntry {
  if (raw.length > MAX_ENTRY_BYTES) {
    throw new Refused("entry-oversize", `an entry of ${raw.length} bytes; the limit is ${MAX_ENTRY_BYTES}`);
  }
  const entry = decodeStrictly(raw, "Entry", "entry-malformed", "entry-spelling");
  const record = entry["record"] as Bytes;
  if (!record.length) {
    throw new Refused("entry-malformed", "the entry has no record");
  }
  if (record.length > MAX_RECORD_BYTES) {
    throw new Refused("record-oversize", `the entry's record has ${record.length} bytes`);
  }
  const submitter = checkIdentity(entry["submitter"] as string);
  const sequencedAtUs = entry["sequenced_at_us"] as bigint;
  if (sequencedAtUs <= 0n || sequencedAtUs > MAX_TIME_US) {
    throw new Refused("entry-time", `sequenced_at_us is not a time: ${sequencedAtUs}`);
  }
  const links = (entry["links"] as Message[]).map((link) => ({
    chain: link["chain"] as string, seq: link["seq"] as bigint, prev: link["prev"] as Bytes,
  }));
  checkLinks(links);
  const seal = entry["seal"] === undefined ? null : readSeal(entry["seal"] as Message);
  return { record, submitter, sequencedAtUs, links, seal };
}

function checkLinks(links: readonly Link[]): void {
  if (!links.length || links.length > MAX_STREAMS_PER_RECORD) {
    throw new Refused("entry-links", "the entry belongs to no chain, or to too many");
  }
  let last = "";
  for (const { chain, seq, prev } of links) {
    checkChain(chain);
    if (!before(last, chain)) {
      throw new Refused("entry-links", "the links are not sorted by chain, or one is twice");
    }
    if (seq <= 0n || seq > MAX_COUNT || prev.length !== (seq > 1n ? 32 : 0)) {
      throw new Refused("entry-links", `${chain}: a link without number or predecessor`);
    }
    last = chain;
  }
}

/** The form of a seal (docs/spec/seal.md); seal.ts verifies it. */
export function readSeal(seal: Message): Seal {
  const [keyId, signature, count] = [seal["key_id"] as string, seal["signature"] as Bytes, seal["count"] as number];
  checkKeyId(keyId);
  if (!signature.length || signature.length > MAX_SIGNATURE_BYTES || !count || count > MAX_BATCH_RECORDS) {
    throw new Refused("seal-malformed", "the seal has no signature or covers no possible batch");
  }
  return { keyId, signature, count };
}

/** The entry that a receipt speaks of, from the record that was sent and the stamp that came back (docs/spec/receipt.md). */
export function rebuildEntry(record: Uint8Array, stamp: Uint8Array): { raw: Bytes; entry: ReadEntry } {
  if (stamp[0] !== 0x1a) {
    throw new Refused("entry-spelling", "a stamp begins with the submitter");
  }
  const length: number[] = [];
  let rest = record.length;
  for (; rest >= 0x80; rest >>>= 7) {
    length.push((rest & 0x7f) | 0x80);
  }
  const raw = concat(Uint8Array.of(0x0a, ...length, rest), record, stamp);
  return { raw, entry: decodeEntry(raw) };
}
