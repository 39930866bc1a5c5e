/*
 * Strict DER (X.690), as far as time stamps and certificates need it. One leniency: the members of a SET OF may stand in any
 * order, because authorities (OpenSSL's among them) write the unsigned certificate set so.
 */

import { type Bytes, octets } from "./codec";
import { Refused } from "./errors";

export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OBJECT_ID = 0x06;
export const GENERALIZED_TIME = 0x18;
export const UTC_TIME = 0x17;
export const SEQUENCE = 0x30;
export const SET = 0x31;
export const BOOLEAN = 0x01;

/** Context-specific and constructed. */
export const context = (number: number): number => 0xa0 | number;

export class Der {
  private constructor(
    readonly tag: number, readonly content: Bytes, /** Tag, length and content. */ readonly raw: Bytes, private readonly code: string,
  ) {}

  /** Reads the one value that `data` is. */
  static read(data: Uint8Array, code: string): Der {
    const [first, ...more] = Der.all(data, code);
    if (first === undefined || more.length) {
      throw new Refused(code, "not one DER value");
    }
    return first;
  }

  private static all(data: Uint8Array, code: string): Der[] {
    const bad = (why: string) => new Refused(code, `not DER: ${why}`);
    const found: Der[] = [];
    let at = 0;
    while (at < data.length) {
      const begin = at;
      const tag = data[at++] as number;
      if ((tag & 0x1f) === 0x1f) {
        throw bad("a tag of many bytes");
      }
      let length = data[at++] ?? 0x80;
      if (length >= 0x80) {
        const count = length & 0x7f;
        if (count < 1 || count > 4 || at + count > data.length || data[at] === 0) {
          throw bad("a length");
        }
        length = 0;
        for (let byte = 0; byte < count; byte++) {
          length = length * 256 + (data[at++] as number);
        }
        if (length < 0x80) {
          throw bad("a long form for a short length");
        }
      }
      if (at + length > data.length) {
        throw bad("it is cut off");
      }
      found.push(new Der(tag, data.slice(at, at + length) as Bytes, data.slice(begin, at + length) as Bytes, code));
      at += length;
    }
    return found;
  }

  /** The members of a constructed value. */
  get members(): Der[] {
    return Der.all(this.content, this.code);
  }

  refuse(why: string): Refused {
    return new Refused(this.code, why);
  }

  is(tag: number): this {
    if (this.tag !== tag) {
      throw this.refuse("a value has another type than expected");
    }
    return this;
  }

  /** The members of a SEQUENCE; `least` of them must be there. */
  sequence(least = 0): Der[] {
    const found = this.is(SEQUENCE).members;
    if (found.length < least) {
      throw this.refuse("a sequence is too short");
    }
    return found;
  }

  /** The one member of an explicit tag. */
  explicit(tag: number): Der {
    return Der.read(this.is(tag).content, this.code);
  }

  /** Dotted object identifier. */
  oid(): string {
    const bytes = this.is(OBJECT_ID).content;
    const numbers: number[] = [];
    let value = 0;
    bytes.forEach((byte, at) => {
      if ((byte === 0x80 && value === 0) || value > 2 ** 40) {
        throw this.refuse("an object identifier is misspelt");
      }
      value = value * 128 + (byte & 0x7f);
      if (byte < 0x80) {
        numbers.push(value);
        value = 0;
      } else if (at === bytes.length - 1) {
        throw this.refuse("an object identifier is cut off");
      }
    });
    const [first, ...rest] = numbers;
    if (first === undefined) {
      throw this.refuse("an object identifier is empty");
    }
    const top = Math.min(Math.floor(first / 40), 2);
    return [top, first - 40 * top, ...rest].join(".");
  }

  integer(): bigint {
    const bytes = this.is(INTEGER).content;
    const [first, second] = bytes;
    if (first === undefined || (first === 0 && second !== undefined && second < 0x80) || (first === 0xff && (second ?? 0) >= 0x80)) {
      throw this.refuse("an integer is misspelt");
    }
    return BigInt.asIntN(8 * bytes.length, bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n));
  }

  /** Content of a BIT STRING of whole bytes. */
  bits(): Bytes {
    const bytes = this.is(BIT_STRING).content;
    if (bytes[0] !== 0) {
      throw this.refuse("a bit string is no number of bytes");
    }
    return bytes.slice(1) as Bytes;
  }

  /** Milliseconds since 1970, and the fraction behind them in microseconds. */
  time(): { ms: number; us: number } {
    const found = octets(this.content);
    const match =
      this.tag === UTC_TIME
        ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)()Z$/.exec(found)
        : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{0,8}[1-9]))?Z$/.exec(this.is(GENERALIZED_TIME) && found);
    if (match === null) {
      throw this.refuse("not a time");
    }
    const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
    const whole = this.tag === UTC_TIME ? year + (year < 50 ? 2000 : 1900) : year;
    const ms = Date.UTC(whole, month - 1, day, hour, minute, second);
    const back = new Date(ms);
    if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) {
      throw this.refuse("not a time");
    }
    const us = Number((match[7] ?? "").padEnd(6, "0").slice(0, 6));
    return { ms: ms + Math.floor(us / 1000), us: us % 1000 };
  }
}
