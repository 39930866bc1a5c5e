/* Bytes and their text forms, each with one spelling: hex, standard base64, ASCII decimals, UTF-8 (docs/spec/README.md). */

import { Refused, shown } from "./errors";

export type Bytes = Uint8Array<ArrayBuffer>;

const ENCODER = new TextEncoder();
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Map([...ALPHABET].map((char, value) => [char.charCodeAt(0), value]));
const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));

export function utf8(text: string): Bytes {
  return ENCODER.encode(text) as Bytes;
}

/** Text of bytes; refuses with `code` what is not UTF-8. A byte order mark is a character like any other. */
export function text(data: Uint8Array, code: string, what = "the text"): string {
  try {
    return STRICT_UTF8.decode(data);
  } catch {
    throw new Refused(code, `${what} is not UTF-8`);
  }
}

/** Text of bytes; refuses with `code` what is not ASCII. */
export function ascii(data: Uint8Array, code: string, what = "the text"): string {
  if (data.some((byte) => byte > 0x7f)) {
    throw new Refused(code, `${what} is not ASCII`);
  }
  return STRICT_UTF8.decode(data);
}

/** One character for each byte: text that loses nothing, for octets that mean nothing here. */
export function octets(data: Uint8Array): string {
  let out = "";
  for (let at = 0; at < data.length; at += 8192) {
    out += String.fromCharCode(...data.subarray(at, at + 8192));
  }
  return out;
}

export function fromOctets(found: string): Bytes {
  return Uint8Array.from(found, (char) => char.charCodeAt(0)) as Bytes;
}

export function hex(data: Uint8Array): string {
  let out = "";
  for (const byte of data) {
    out += HEX[byte] ?? "";
  }
  return out;
}

export function fromHex(found: string): Bytes | null {
  if (!/^([0-9a-f]{2})*$/.test(found)) {
    return null;
  }
  return Uint8Array.from(found.match(/../g) ?? [], (pair) => parseInt(pair, 16)) as Bytes;
}

export function encodeBase64(data: Uint8Array): string {
  const out: string[] = [];
  for (let at = 0; at < data.length; at += 3) {
    const left = data.length - at;
    const word = ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
    const pick = (shift: number) => ALPHABET.charAt((word >> shift) & 63);
    out.push(pick(18) + pick(12) + (left > 1 ? pick(6) : "=") + (left > 2 ? pick(0) : "="));
  }
  return out.join("");
}

/** Standard base64 with padding and without stray bits (RFC 4648 section 4). */
export function parseBase64(found: string, code: string): Bytes {
  const bad = () => new Refused(code, `not standard base64: ${shown(found, 32)}`);
  if (found.length % 4) {
    throw bad();
  }
  const spare = found.endsWith("==") ? 2 : found.endsWith("=") ? 1 : 0;
  const data = new Uint8Array((found.length / 4) * 3 - spare) as Bytes;
  let word = 0;
  let bits = 0;
  let to = 0;
  for (let at = 0; at < found.length - spare; at++) {
    const value = VALUES.get(found.charCodeAt(at));
    if (value === undefined) {
      throw bad();
    }
    word = ((word << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      data[to++] = (word >> bits) & 0xff;
    }
  }
  if (word & ((1 << bits) - 1)) {
    throw new Refused(code, `base64 with stray bits: ${shown(found.slice(-32))}`);
  }
  return data;
}

/** An ASCII decimal without sign, leading zeroes or separators, at most `maximum`. */
export function parseDecimal(found: string, maximum: bigint, code: string): bigint {
  if (!/^(0|[1-9][0-9]{0,19})$/.test(found)) {
    throw new Refused(code, `not a plain decimal number: ${shown(found, 32)}`);
  }
  const value = BigInt(found);
  if (value > maximum) {
    throw new Refused(code, `the number ${value} is larger than ${maximum}`);
  }
  return value;
}

export function same(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, at) => byte === two[at]);
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0)) as Bytes;
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The eight bytes of a number, big-endian. */
export function bigEndian64(value: bigint): Bytes {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, value);
  return out;
}

export function lines(data: Uint8Array, code: string, what: string): string[] {
  const found = ascii(data, code, what).split("\n");
  if (found.pop() !== "") {
    throw new Refused(code, `the last line of ${what} has no newline`);
  }
  return found;
}

/** Order of strings by code points, as UTF-8 bytes and Python order them; JavaScript's own order is by UTF-16 units. */
export function before(one: string, two: string): boolean {
  const length = Math.min(one.length, two.length);
  for (let at = 0; at < length; at++) {
    const left = one.charCodeAt(at);
    const right = two.charCodeAt(at);
    if (left !== right) {
      const wide = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
      return wide(left) === wide(right) ? left < right : wide(right);
    }
  }
  return one.length < two.length;
}

export function compare(one: string, two: string): number {
  return one === two ? 0 : before(one, two) ? -1 : 1;
}
