/*
 * JSON in the one spelling of a package: UTF-8, keys ascending by code point, one space of indentation, no needless escape, a
 * final newline (docs/spec/package.md). The reader accepts that spelling and nothing else, so a key cannot be there twice, a
 * number is exact, and the one value cannot be read in two ways. No form here has a fraction, so none is read.
 */

import { type Bytes, before, compare, text, utf8 } from "./codec";
import { Refused } from "./errors";

export type Json = string | bigint | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

const MAX_DEPTH = 32;
const MAX_DIGITS = 4_300;

export function encodeJson(value: Json): Bytes {
  return utf8(`${spell(value, "\n")}\n`);
}

function spell(value: Json, newline: string): string {
  const below = `${newline} `;
  if (Array.isArray(value)) {
    return value.length ? `[${value.map((one) => below + spell(one, below)).join(",")}${newline}]` : "[]";
  }
  if (typeof value === "string") {
    return spellString(value);
  }
  if (typeof value === "object" && value !== null) {
    const keys = Object.keys(value).sort(compare);
    const rows = keys.map((key) => `${below}${spellString(key)}: ${spell(value[key] as Json, below)}`);
    return keys.length ? `{${rows.join(",")}${newline}}` : "{}";
  }
  return String(value);
}

function spellString(value: string): string {
  return JSON.stringify(value); // escapes the quotation mark, the backslash, controls and lone surrogates, and nothing else
}

/** Reads JSON in the one spelling; refuses everything else with `code`. */
export function decodeJson(data: Uint8Array, code: string): Json {
  const reader = new Reader(text(data, code, "the JSON"), code);
  const value = reader.value("\n");
  reader.end();
  return value;
}

class Reader {
  private at = 0;

  constructor(private readonly source: string, private readonly code: string) {}

  value(newline: string): Json {
    if (newline.length > MAX_DEPTH) {
      throw this.bad();
    }
    switch (this.source[this.at]) {
      case "{":
        return this.object(newline);
      case "[":
        return this.array(newline);
      case '"':
        return this.string();
      default:
        return this.word();
    }
  }

  end(): void {
    if (this.source.slice(this.at) !== "\n") {
      throw this.bad();
    }
  }

  private bad(): Refused {
    return new Refused(this.code, `the JSON is not in its one spelling at character ${this.at}`);
  }

  private expect(found: string): void {
    if (!this.source.startsWith(found, this.at)) {
      throw this.bad();
    }
    this.at += found.length;
  }

  private object(newline: string): JsonObject {
    const found: JsonObject = Object.create(null) as JsonObject;
    const below = `${newline} `;
    this.expect("{");
    let last: string | null = null;
    while (this.source[this.at] !== "}" || last !== null) {
      this.expect(last === null ? below : `,${below}`);
      const key = this.string();
      if (last !== null && !before(last, key)) {
        throw this.bad();
      }
      this.expect(": ");
      found[key] = this.value(below);
      last = key;
      if (this.source[this.at] !== ",") {
        this.expect(newline);
        break;
      }
    }
    this.expect("}");
    return found;
  }

  private array(newline: string): Json[] {
    const found: Json[] = [];
    const below = `${newline} `;
    this.expect("[");
    while (this.source[this.at] !== "]" || found.length) {
      this.expect(found.length ? `,${below}` : below);
      found.push(this.value(below));
      if (this.source[this.at] !== ",") {
        this.expect(newline);
        break;
      }
    }
    this.expect("]");
    return found;
  }

  private string(): string {
    const begin = this.at;
    this.expect('"');
    let end = this.at;
    for (; this.source[end] !== '"'; end += this.source[end] === "\\" ? 2 : 1) {
      if (end >= this.source.length) {
        throw this.bad();
      }
    }
    const raw = this.source.slice(begin, end + 1);
    let value: unknown;
    try {
      value = JSON.parse(raw);
    } catch {
      throw this.bad();
    }
    if (typeof value !== "string" || spellString(value) !== raw || LONE_SURROGATE.test(value)) {
      throw this.bad();
    }
    this.at = end + 1;
    return value;
  }

  private word(): Json {
    const found = /^(?:-?[1-9][0-9]*|0|true|false|null)/.exec(this.source.slice(this.at, this.at + MAX_DIGITS + 2))?.[0];
    if (found === undefined || found.length > MAX_DIGITS) {
      throw this.bad();
    }
    this.at += found.length;
    return found === "true" ? true : found === "false" ? false : found === "null" ? null : BigInt(found);
  }
}

const LONE_SURROGATE = /\p{Cs}/u;

/* Fields of a value that was read: each refuses another type, as it refuses another spelling. */

export class Form {
  constructor(private readonly code: string, private readonly what: string) {}

  bad(): Refused {
    return new Refused(this.code, `${this.what} has another form`);
  }

  /** An object with exactly these keys, and perhaps the optional ones. */
  object(value: Json | undefined, keys: readonly string[], optional: readonly string[] = []): JsonObject {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.bad();
    }
    const found = Object.keys(value);
    if (!keys.every((key) => found.includes(key)) || !found.every((key) => keys.includes(key) || optional.includes(key))) {
      throw this.bad();
    }
    return value;
  }

  list(value: Json | undefined): Json[] {
    if (!Array.isArray(value)) {
      throw this.bad();
    }
    return value;
  }

  text(value: Json | undefined): string {
    if (typeof value !== "string") {
      throw this.bad();
    }
    return value;
  }

  number(value: Json | undefined, least: bigint, most: bigint): bigint {
    if (typeof value !== "bigint" || value < least || value > most) {
      throw this.bad();
    }
    return value;
  }
}
