/* The record: docs/spec/record.md, "Reading, in order". */

import type { Bytes } from "./codec";
import { Refused } from "./errors";
import { checkFields, checkUuid7 } from "./fields";
import { KINDS, type Kind, chainsOf, periodOf } from "./kinds";
import { MAX_ENTRY_BYTES, MAX_RECORD_BYTES, MAX_STREAMS_PER_RECORD, MAX_TIME_US } from "./names";
import { MESSAGES } from "./schema";
import { type Message, NoMessage, decode } from "./wire";

const STAMP_BYTES = 2_900;
const LINK_BYTES = 50;
const KIND_FIELDS = (MESSAGES["Record"] ?? []).filter(([number]) => number >= 10);

export interface ReadRecord {
  readonly id: Bytes;
  readonly atUs: bigint;
  readonly kind: Kind;
  readonly body: Message;
  readonly chains: readonly string[];
  readonly periodUs: readonly [bigint, bigint];
}

export function decodeStrictly(raw: Uint8Array, type: string, malformed: string, spelling: string): Message {
  let found;
  try {
    found = decode(raw, type);
  } catch (error) {
    if (error instanceof NoMessage) {
      throw new Refused(malformed, `not a serialized ${type}: ${error.message}`);
    }
    throw error;
  }
  if (!found.spelled) {
    throw new Refused(spelling, `the ${type} has unknown fields or is not in its one spelling`);
  }
  return found.message;
}

export function readRecord(raw: Uint8Array): ReadRecord {
  if (raw.length > MAX_RECORD_BYTES) {
    throw new Refused("record-oversize", `a record of ${raw.length} bytes; the limit is ${MAX_RECORD_BYTES}`);
  }
  const record = decodeStrictly(raw, "Record", "record-malformed", "record-spelling");
  const row = KIND_FIELDS.find(([, name]) => record[name] !== undefined);
  if (row === undefined) {
    throw new Refused("record-kind", "the record has no kind");
  }
  const [, name, , type] = row as [number, string, string, string];
  const id = record["record_id"] as Bytes;
  checkUuid7(id);
  const atUs = record["at_us"] as bigint;
  if (atUs <= 0n || atUs > MAX_TIME_US) {
    throw new Refused("record-time", `at_us is not a time: ${atUs}`);
  }
  if (record["clock"] !== undefined) {
    checkFields(record["clock"] as Message, "ClockQuality");
  }
  const kind = KINDS.get(name) as Kind;
  const body = record[name] as Message;
  checkFields(body, type, kind.required);
  if (kind.family === "either" && !(body["streams"] as string[]).length && !body["site"]) {
    throw new Refused("record-field-missing", `${name} names neither streams nor a site`);
  }
  const chains = chainsOf(kind, body);
  checkRoom(raw, chains);
  const periodUs = periodOf(kind, body, atUs);
  if (periodUs[0] > periodUs[1] || periodUs[1] > MAX_TIME_US) {
    throw new Refused("record-time", "the record tells of a period that ends before it begins, or never");
  }
  return { id, atUs, kind, body, chains, periodUs };
}

/** A record about many streams must leave room for its stamp. */
function checkRoom(raw: Uint8Array, chains: readonly string[]): void {
  if (chains.length > MAX_STREAMS_PER_RECORD) {
    throw new Refused("record-length", "the record names too many streams");
  }
  const links = chains.reduce((total, chain) => total + chain.length + LINK_BYTES, 0);
  if (chains.length > 1 && raw.length + links + STAMP_BYTES > MAX_ENTRY_BYTES) {
    throw new Refused("record-oversize", "the record does not fit into an entry");
  }
}
