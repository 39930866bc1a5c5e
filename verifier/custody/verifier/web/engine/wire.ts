/*
 * Strict protobuf. A message has one spelling: fields in the order of their numbers, nothing unknown, no default written out,
 * shortest varints, lists of numbers packed. `decode` tells apart what is no message (`malformed`) from what is another
 * spelling of one (`spelled` false), as docs/spec/record.md numbers them ("Reading, in order", 2 and 3).
 */

import type { Bytes } from "./codec";
import { MESSAGES } from "./schema";

export type Value = Bytes | string | bigint | number | boolean | Message | undefined | Value[];

/** Every field by name; unset: the default of its type, of a message `undefined`. */
export interface Message {
  [field: string]: Value;
}

interface Field {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  readonly message: string;
}

/** Bytes that are no serialized message at all. */
export class NoMessage extends Error {}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const MAX_DEPTH = 100;
const NO_BYTES = new Uint8Array() as Bytes;
const PLANS = new Map(Object.entries(MESSAGES).map(([name, rows]) => [name, plan(rows)]));

interface Plan {
  readonly byNumber: ReadonlyMap<number, Field>;
  readonly blank: Message;
  readonly lists: readonly string[];
}

function plan(rows: (typeof MESSAGES)[string]): Plan {
  const byNumber = new Map<number, Field>();
  const blank: Message = {};
  const lists: string[] = [];
  for (const [number, name, kind, message] of rows ?? []) {
    const repeated = kind.endsWith("*");
    const type = repeated ? kind.slice(0, -1) : kind;
    byNumber.set(number, { number, name, type, repeated, message: message ?? "" });
    blank[name] = blankOf(type);
    if (repeated) {
      lists.push(name);
    }
  }
  return { byNumber, blank, lists };
}

function blankOf(type: string): Value {
  switch (type) {
    case "bytes": return NO_BYTES;
    case "string": return "";
    case "bool": return false;
    case "enum": case "uint32": return 0;
    case "message": return undefined;
    default: return 0n;
  }
}

export interface Decoded {
  readonly message: Message;
  readonly spelled: boolean;
}

/** Reads a message of the schema. Throws NoMessage where a protobuf parser would. */
export function decode(data: Uint8Array, type: string): Decoded {
  const reader = new Reader(data);
  const message = reader.message(type, data.length, 0);
  return { message, spelled: reader.spelled };
}

class Reader {
  spelled = true;
  private at = 0;

  constructor(private readonly data: Uint8Array) {}

  message(type: string, end: number, depth: number): Message {
    if (depth > MAX_DEPTH) {
      throw new NoMessage("nested too deeply");
    }
    const { byNumber, blank, lists } = PLANS.get(type) as Plan;
    const message: Message = { ...blank };
    for (const name of lists) {
      message[name] = [];
    }
    let last = 0;
    let kinds = 0;
    while (this.at < end) {
      const tag = this.tag(end);
      const number = tag >>> 3;
      const field = byNumber.get(number);
      if (field === undefined || !accepts(field, tag & 7)) {
        this.spelled = false;
        this.skip(tag, end, depth);
      } else {
        this.field(message, field, tag & 7, end, depth);
      }
      if (number < last || (number === last && !(field?.repeated && !isPacked(field)))) {
        this.spelled = false;
      }
      last = number;
      if (type === "Record" && number >= 10 && ++kinds > 1) {
        this.spelled = false; // a second member of the oneof replaces the first
      }
    }
    return message;
  }

  /** Reads one field into `message`. */
  private field(message: Message, field: Field, wireType: number, end: number, depth: number): void {
    if (isPacked(field)) {
      this.numbers(message[field.name] as Value[], wireType, end);
      return;
    }
    const value = wireType === 2 ? this.delimited(field, end, depth) : this.number(field.type, end);
    if (field.repeated) {
      (message[field.name] as Value[]).push(value);
      return;
    }
    message[field.name] = value;
    this.spelled &&= field.type === "message" || !isBlank(value); // a default is not written out
  }

  private numbers(list: Value[], wireType: number, end: number): void {
    if (wireType === 0) {
      this.spelled = false; // one by one; the one spelling is packed
      list.push(this.number("enum", end));
      return;
    }
    const stop = this.length(end);
    this.spelled &&= this.at < stop;
    while (this.at < stop) {
      list.push(this.number("enum", stop));
    }
  }

  private delimited(field: Field, end: number, depth: number): Value {
    const stop = this.length(end);
    if (field.type === "message") {
      const found = this.message(field.message, stop, depth + 1);
      if (this.at !== stop) {
        throw new NoMessage("a message ends elsewhere");
      }
      return found;
    }
    const raw = this.data.subarray(this.at, stop);
    this.at = stop;
    if (field.type === "bytes") {
      return raw as Bytes;
    }
    try {
      return UTF8.decode(raw);
    } catch {
      throw new NoMessage("a text is not UTF-8");
    }
  }

  private number(type: string, end: number): Value {
    const value = this.varint(end);
    switch (type) {
      case "bool":
        this.spelled &&= value === 1n;
        return value !== 0n;
      case "uint32":
        this.spelled &&= value <= 0xffffffffn;
        return Number(BigInt.asUintN(32, value));
      case "enum": {
        const signed = BigInt.asIntN(32, value);
        this.spelled &&= BigInt.asUintN(64, signed) === value;
        return Number(signed);
      }
      case "int64":
        return BigInt.asIntN(64, value);
      case "sint64":
        return (value >> 1n) ^ -(value & 1n);
      default:
        return value;
    }
  }

  private tag(end: number): number {
    const tag = this.varint(end);
    if (tag > 0xffffffffn || tag < 8n) {
      throw new NoMessage("a field has an impossible number");
    }
    return Number(tag);
  }

  /** Where a length-delimited value ends. */
  private length(end: number): number {
    const length = this.varint(end);
    if (length > BigInt(end - this.at)) {
      throw new NoMessage("a field is cut off");
    }
    return this.at + Number(length);
  }

  private varint(end: number): bigint {
    const begin = this.at;
    let low = 0;
    let scale = 1;
    let high = 0n;
    for (let count = 0; count < 10; count++) {
      if (this.at >= end) {
        throw new NoMessage("a number is cut off");
      }
      const byte = this.data[this.at++] as number;
      if (count < 7) {
        low += (byte & 0x7f) * scale;
        scale *= 128;
      } else {
        high |= BigInt(byte & 0x7f) << BigInt(7 * count);
      }
      if (byte < 0x80) {
        if ((byte === 0 && this.at - begin > 1) || (count === 9 && byte > 1)) {
          this.spelled = false;
        }
        return count < 7 ? BigInt(low) : BigInt.asUintN(64, high | BigInt(low));
      }
    }
    throw new NoMessage("a number has more than ten bytes");
  }

  /** Passes over an unknown field. */
  private skip(tag: number, end: number, depth: number): void {
    switch (tag & 7) {
      case 0:
        this.varint(end);
        return;
      case 1:
        this.over(8, end);
        return;
      case 2:
        this.at = this.length(end);
        return;
      case 3:
        this.group(tag >>> 3, end, depth + 1);
        return;
      case 5:
        this.over(4, end);
        return;
      default:
        throw new NoMessage("a field of an unknown wire type, or the end of no group");
    }
  }

  private over(bytes: number, end: number): void {
    if (end - this.at < bytes) {
      throw new NoMessage("a field is cut off");
    }
    this.at += bytes;
  }

  private group(number: number, end: number, depth: number): void {
    if (depth > MAX_DEPTH) {
      throw new NoMessage("nested too deeply");
    }
    for (;;) {
      const tag = this.tag(end);
      if ((tag & 7) === 4) {
        if (tag >>> 3 !== number) {
          throw new NoMessage("a group ends as another");
        }
        return;
      }
      this.skip(tag, end, depth);
    }
  }
}

function isPacked(field: Field): boolean {
  return field.repeated && field.type === "enum";
}

/** Whether a field may come with this wire type; a packable one comes with both. */
function accepts(field: Field, wireType: number): boolean {
  const delimited = field.type === "message" || field.type === "bytes" || field.type === "string";
  return wireType === (delimited ? 2 : 0) || (wireType === 2 && isPacked(field));
}

function isBlank(value: Value): boolean {
  return value === 0n || value === 0 || value === "" || value === false || (value instanceof Uint8Array && !value.length);
}
