/*
 * Form of the fields of a record, by name: docs/spec/record.md, "Form of the fields". An unset field passes; a message that is
 * there but says nothing, and an empty item of a list, are refused, for both would spell "nothing" a second time.
 */

import { type Bytes } from "./codec";
import { Refused } from "./errors";
import { MAX_COUNT, MAX_STREAMS_PER_RECORD, MAX_TIME_US, checkKeyId, checkSite, checkStream } from "./names";
import { ENUMS, MESSAGES, type Row } from "./schema";
import type { Message, Value } from "./wire";

const MAX_TEXT_CHARS = 512;
const MAX_REPEATED = 1_000;
const MAX_PUBLIC_KEY_BYTES = 4_096;
const DIGEST_BYTES = new Map([[1, 32], [2, 48], [3, 64], [4, 32], [5, 64]]);
const LISTS_OF_STREAMS = new Set(["streams", "spans", "ranges", "sources", "faulty"]);
const NAMES = new Map<string, (value: string) => void>([
  ["stream", checkStream], ["streams", checkStream], ["faulty", checkStream], ["site", checkSite], ["key_id", checkKeyId],
]);
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
// Everything that Unicode counts as "other" or as a separator, but the plain space: a report must read as it was.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** Checks every field of a message of the schema; `required` are names, dotted where nested, that must not be empty. */
export function checkFields(message: Message, type: string, required: readonly string[] = []): void {
  for (const row of MESSAGES[type] ?? []) {
    checkField(message[row[1]], row, type);
  }
  WHOLE.get(type)?.(message);
  const lacking = required.find((path) => !said(path.split(".").reduce<Value>((found, name) => (found as Message)?.[name], message)));
  if (lacking !== undefined) {
    throw new Refused("record-field-missing", `a ${type} lacks ${lacking}`);
  }
  if (!required.length && !Object.values(message).some(said)) {
    throw new Refused("record-spelling", `a ${type} is there but says nothing`);
  }
}


function said(value: Value): boolean {
  if (Array.isArray(value) || value instanceof Uint8Array) {
    return value.length > 0;
  }
  return value !== undefined && value !== 0n && value !== 0 && value !== "" && value !== false;
}

function checkField(value: Value, row: Row, type: string): void {
  const [, name, kind] = row;
  if (!kind.endsWith("*")) {
    if (said(value)) {
      checkOne(value, row, type);
    }
    return;
  }
  const items = value as Value[];
  const cap = LISTS_OF_STREAMS.has(name) ? MAX_STREAMS_PER_RECORD : MAX_REPEATED;
  if (items.length > cap) {
    throw new Refused("record-length", `${name} has more than ${cap} items`);
  }
  for (const item of items) {
    if (!said(item)) {
      throw new Refused("record-spelling", `${name} has an empty item`);
    }
    checkOne(item, row, type);
  }
  if (name === "digests") {
    checkAscending(items as Message[]);
  }
}

function checkOne(value: Value, row: Row, type: string): void {
  const [, name, kind, other] = row;
  switch (kind.replace("*", "")) {
    case "bool":
      return;
    case "message":
      checkFields(value as Message, other as string);
      return;
    case "enum":
      if (!(String(value) in (ENUMS[other as string] ?? {}))) {
        throw new Refused("record-enum", `${name} has an unknown value`);
      }
      return;
    case "uint64":
    case "uint32":
      if (BigInt(value as bigint | number) > MAX_COUNT) {
        throw new Refused("record-number", `${name} is too large a number`);
      }
      return;
    case "int64":
    case "sint64": {
      const least = kind === "int64" ? 0n : -MAX_TIME_US;
      if ((value as bigint) < least || (value as bigint) > MAX_TIME_US) {
        throw new Refused("record-time", `${name} is no time in us`);
      }
      return;
    }
    case "string":
      checkText(name, value as string);
      return;
    default:
      checkBytes(name, value as Bytes, type);
  }
}

function checkText(name: string, value: string): void {
  const check = NAMES.get(name);
  if (check) {
    check(value);
    return;
  }
  if (PRINTABLE_ASCII.test(value) ? value.length > MAX_TEXT_CHARS : [...value].length > MAX_TEXT_CHARS) {
    throw new Refused("record-text", `${name} has more than ${MAX_TEXT_CHARS} characters`);
  }
  if (!PRINTABLE_ASCII.test(value) && (UNPRINTABLE.test(value) || value.normalize("NFC") !== value)) {
    throw new Refused("record-text", `${name} is not printable text in NFC`);
  }
}

function checkBytes(name: string, value: Bytes, type: string): void {
  if (/_(sha256|root|commitments?)$/.test(name)) {
    if (value.length !== 32) {
      throw new Refused("record-digest", `${name} does not have 32 bytes`);
    }
  } else if (name === "replacement_id") {
    checkUuid7(value);
  } else if (name === "public_key" && value.length > MAX_PUBLIC_KEY_BYTES) {
    throw new Refused("record-length", `${name} is too long`);
  } else if (name === "value" && type !== "Digest") {
    throw new Refused("record-length", `no form is known for ${name}`);
  }
}

function checkAscending(digests: readonly Message[]): void {
  if (digests.some((one, at) => at > 0 && (one["algorithm"] as number) <= (digests[at - 1]?.["algorithm"] as number))) {
    throw new Refused("record-digest", "digests are not sorted by algorithm, or one is twice");
  }
}

function checkSpan(span: Message): void {
  if (!span["stream"]) {
    throw new Refused("record-field-missing", "a span names no stream");
  }
  if ((span["from_us"] as bigint) > (span["to_us"] as bigint)) {
    throw new Refused("record-range", "a span ends before it begins");
  }
}

const WHOLE = new Map<string, (message: Message) => void>([
  ["Digest", (digest) => {
    if (DIGEST_BYTES.get(digest["algorithm"] as number) !== (digest["value"] as Bytes).length) {
      throw new Refused("record-digest", "a digest has an unknown algorithm or the wrong length");
    }
  }],
  ["Span", checkSpan],
  ["SegmentRange", (run) => {
    checkSpan(run);
    const [first, last] = [run["first"] as bigint, run["last"] as bigint];
    if (first > last || (last && !first)) {
      throw new Refused("record-range", `no segments have the numbers ${first} to ${last}`);
    }
  }],
]);

/** A UUIDv7 of 16 bytes (RFC 9562 section 5.7), else `record-id`. */
export function checkUuid7(value: Uint8Array): void {
  if (value.length !== 16 || (value[6] as number) >> 4 !== 7 || (value[8] as number) >> 6 !== 2) {
    throw new Refused("record-id", "the id is not a UUIDv7 of 16 bytes");
  }
}
