/*
 * Verifier keys: C2SP signed-note, "Verifier keys", and what each type signs: the note's text (Ed25519), or with a time a
 * cosigned message (C2SP tlog-cosignature; Ed25519 0x04, ML-DSA-44 0x06).
 */

import { type Bytes, bigEndian64, concat, encodeBase64, hex, parseBase64, utf8 } from "./codec";
import { Refused, shown } from "./errors";
import { sha256 } from "./hash";
import { ed25519Holds, mlDsa44Holds } from "./signature";
import { parseBody } from "./tree_head";

export const KEY_ID_BYTES = 4;
export const ED25519 = 0x01;
export const COSIGNATURE_ED25519 = 0x04;
export const ML_DSA_44 = 0x06;

const KEY_BYTES = new Map([[ED25519, 32], [COSIGNATURE_ED25519, 32], [ML_DSA_44, 1312]]);
const MAX_KEY_NAME_BYTES = 1024;
const MAX_COSIGNER_BYTES = 255;
const MAX_TIMESTAMP = (1n << 63n) - 1n;
const MALFORMED = "vkey-malformed";
// What Unicode calls white space, the controls, and the plus that parts a vkey.
// eslint-disable-next-line no-control-regex
const NOT_IN_NAME = /[\x00-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]/;

/** Why `name` names no key; empty when it may. */
export function nameFault(name: string): string {
  if (!name || NOT_IN_NAME.test(name)) {
    return `a key name is not empty and has no spaces, plus or control characters: ${shown(name, 64)}`;
  }
  return utf8(name).length > MAX_KEY_NAME_BYTES ? `a key name has at most ${MAX_KEY_NAME_BYTES} bytes` : "";
}

export class VerifierKey {
  readonly name: string;
  readonly type: number;
  readonly publicKey: Bytes;
  readonly keyId: Bytes;

  private constructor(name: string, material: Bytes) {
    this.name = name;
    this.type = material[0] as number;
    this.publicKey = material.slice(1) as Bytes;
    this.keyId = sha256(concat(utf8(`${name}\n`), material)).slice(0, KEY_ID_BYTES) as Bytes;
  }

  static parse(found: string): VerifierKey {
    const [name, keyId, ...rest] = found.split("+");
    if (name === undefined || keyId === undefined || !rest.length) {
      throw new Refused(MALFORMED, `a vkey is name+id+key: ${shown(found, 64)}`);
    }
    const material = parseBase64(rest.join("+"), MALFORMED);
    if (!material.length) {
      throw new Refused(MALFORMED, "the vkey has no key");
    }
    const expected = KEY_BYTES.get(material[0] as number);
    if (expected === undefined) {
      throw new Refused("vkey-unsupported", `signature type ${material[0]} is not supported`);
    }
    const fault = nameFault(name);
    if (fault || material.length !== expected + 1) {
      throw new Refused(MALFORMED, fault || `a key of this type has ${expected} bytes`);
    }
    const key = new VerifierKey(name, material);
    if (hex(key.keyId) !== keyId) {
      throw new Refused(MALFORMED, `the vkey says key id ${shown(keyId, 16)}, its key gives ${hex(key.keyId)}`);
    }
    return key;
  }

  get timestamped(): boolean {
    return this.type !== ED25519;
  }

  encode(): string {
    return `${this.name}+${hex(this.keyId)}+${encodeBase64(concat(Uint8Array.of(this.type), this.publicKey))}`;
  }

  is(other: VerifierKey): boolean {
    return this.encode() === other.encode();
  }

  /** Checks the bytes behind the key id on a note; returns its POSIX seconds. Refuses with `signature-invalid`. */
  verify(body: Uint8Array, signature: Uint8Array): bigint | null {
    const bad = (why: string) => new Refused("signature-invalid", `${this.name}: ${why}`);
    if (!this.timestamped) {
      if (signature.length !== 64 || !ed25519Holds(this.publicKey, signature, body)) {
        throw bad("the signature is wrong");
      }
      return null;
    }
    const bareBytes = this.type === ML_DSA_44 ? 2420 : 64;
    if (signature.length !== 8 + bareBytes) {
      throw bad(`a timestamped signature has ${8 + bareBytes} bytes`);
    }
    const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
    if (time > MAX_TIMESTAMP) {
      throw bad("the cosignature's time is beyond 2**63 - 1 s");
    }
    const bare = signature.subarray(8);
    const good =
      this.type === ML_DSA_44
        ? mlDsa44Holds(this.publicKey, bare, this.treeHeadMessage(time, body, bad))
        : ed25519Holds(this.publicKey, bare, concat(utf8(`cosignature/v1\ntime ${time}\n`), body));
    if (!good) {
      throw bad("the cosignature is wrong");
    }
    return time;
  }

  private treeHeadMessage(time: bigint, body: Uint8Array, bad: (why: string) => Refused): Bytes {
    try {
      const checkpoint = parseBody(body);
      const counted = (name: string) => {
        const data = utf8(name);
        if (data.length < 1 || data.length > MAX_COSIGNER_BYTES) {
          throw bad("a cosigner name and an origin have 1 to 255 bytes");
        }
        return concat(Uint8Array.of(data.length), data);
      };
      return concat(
        utf8("subtree/v1\n\0"), counted(this.name), bigEndian64(time), counted(checkpoint.origin),
        new Uint8Array(8), bigEndian64(checkpoint.size), checkpoint.root,
      );
    } catch (error) {
      throw bad(`it cannot have signed this text: ${error instanceof Error ? error.message : ""}`);
    }
  }
}
