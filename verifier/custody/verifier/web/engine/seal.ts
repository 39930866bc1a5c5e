/* Seals of sources: docs/spec/seal.md. Which key counts for which entry is keyring.ts's matter. */

import { type Bytes, encodeBase64, hex, utf8 } from "./codec";
import type { Seal } from "./entry";
import { Refused } from "./errors";
import { leafHash } from "./hash";
import { ed25519Holds, mlDsa44Holds, p256Holds, p256PointHolds } from "./signature";
import { rootOf } from "./tree";

interface Algorithm {
  /** What stands in front of the bare key in its SubjectPublicKeyInfo, hex. */
  readonly prefix: string;
  readonly keyBytes: number;
  readonly signatureBytes: number;
  readonly holds: (key: Uint8Array, signature: Uint8Array, message: Uint8Array) => boolean;
}

const ALGORITHMS = new Map<number, Algorithm>([
  [1, { prefix: "302a300506032b6570032100", keyBytes: 32, signatureBytes: 64, holds: ed25519Holds }],
  [2, { prefix: "3059301306072a8648ce3d020106082a8648ce3d030107034200", keyBytes: 65, signatureBytes: 64, holds: p256Holds }],
  [3, { prefix: "30820532300b06096086480165030403110382052100", keyBytes: 1312, signatureBytes: 2420, holds: mlDsa44Holds }],
]);
const P = 2n ** 255n - 19n;
const ORDER_8_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL_ORDER_Y = new Set([0n, 1n, P - 1n, ORDER_8_Y, P - ORDER_8_Y]);

/** A public key under which seals are checked. */
export interface SealKey {
  readonly algorithm: Algorithm;
  readonly raw: Bytes;
}

/** Reads KeyRegistered.public_key; `key-malformed` for any other encoding or algorithm. */
export function readSealKey(algorithm: number, spki: Uint8Array): SealKey {
  const known = ALGORITHMS.get(algorithm);
  const prefix = (known?.prefix.length ?? 0) / 2;
  const raw = spki.slice(prefix) as Bytes;
  if (known === undefined || hex(spki.subarray(0, prefix)) !== known.prefix || raw.length !== known.keyBytes) {
    throw new Refused("key-malformed", "the key is not the SubjectPublicKeyInfo of its algorithm");
  }
  if (algorithm === 1 && !ed25519KeyHolds(raw)) {
    throw new Refused("key-malformed", "the Ed25519 key is not canonical or of small order");
  }
  if (algorithm === 2 && (raw[0] !== 4 || !p256PointHolds(raw))) {
    throw new Refused("key-malformed", "the P-256 key is not an uncompressed point of the curve");
  }
  return { algorithm: known, raw };
}

/** The key of a SubjectPublicKeyInfo that names its own algorithm; null for any other kind of key. */
export function sealKeyOf(spki: Uint8Array): SealKey | null {
  for (const [algorithm, { prefix }] of ALGORITHMS) {
    if (hex(spki.subarray(0, prefix.length / 2)) === prefix) {
      try {
        return readSealKey(algorithm, spki);
      } catch {
        return null;
      }
    }
  }
  return null;
}

/** Checks a bare signature in the one length of the key's algorithm. */
export function signatureIsOver(key: SealKey, signature: Uint8Array, message: Uint8Array): boolean {
  return signature.length === key.algorithm.signatureBytes && key.algorithm.holds(key.raw, signature, message);
}

/** Checks a seal over `records`, in the order of the log and ending with the one it stands on. */
export function verifySeal(seal: Seal, key: SealKey, origin: string, records: readonly Uint8Array[]): void {
  if (seal.count !== records.length) {
    throw new Refused("seal-count", `the seal covers ${seal.count} records, not ${records.length}`);
  }
  const text = utf8(`custody/seal/v1\n${origin}\n${records.length}\n${encodeBase64(rootOf(records.map(leafHash)))}\n`);
  if (!signatureIsOver(key, seal.signature, text)) {
    throw new Refused("seal-invalid", "the seal is not this key's signature over these records");
  }
}

function ed25519KeyHolds(key: Uint8Array): boolean {
  const little = [...key].reverse();
  const y = BigInt(`0x${hex(Uint8Array.from(little))}`) & ((1n << 255n) - 1n);
  return y < P && !SMALL_ORDER_Y.has(y);
}
