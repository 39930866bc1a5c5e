/* Disclosures: docs/spec/disclosure.md. No message names the value. */

import { type Bytes, same } from "./codec";
import { Refused } from "./errors";
import { sha256 } from "./hash";
import { decodeStrictly } from "./record";

const MAX_DISCLOSURE_BYTES = 16_384;
const NAME = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,7}$/;
const CODE = "disclosure-malformed";

export interface Disclosure {
  readonly name: string;
  readonly value: string;
}

export function checkDisclosure(raw: Uint8Array, commitment: Uint8Array): Disclosure {
  if (raw.length > MAX_DISCLOSURE_BYTES) {
    throw new Refused(CODE, `a disclosure has at most ${MAX_DISCLOSURE_BYTES} bytes`);
  }
  const message = decodeStrictly(raw, "Disclosure", CODE, CODE);
  const [name, value] = [message["name"] as string, message["value"] as string];
  if ((message["salt"] as Bytes).length !== 16 || !NAME.test(name) || !value) {
    throw new Refused(CODE, "the disclosure lacks a salt of 16 bytes, a dotted field name or a value");
  }
  if (!same(sha256(raw), commitment)) {
    throw new Refused("disclosure-mismatch", `the disclosure of ${name} is not the one that was committed to`);
  }
  return { name, value };
}
