/*
 * Signatures of notes, packages and seals. In script in every browser, though some know these algorithms by WebCrypto:
 * there are few of them in a package, and one implementation gives one verdict everywhere (RFC 8032 leaves room at its edges).
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";

function holds(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false; // a key or signature that is no point or no number of the curve
  }
}

/** RFC 8032, strict encodings; `key` 32 bytes, `signature` 64. */
export function ed25519Holds(key: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  return holds(() => ed25519.verify(signature, message, key, { zip215: false }));
}

/** FIPS 204 with the empty context; `key` 1,312 bytes, `signature` 2,420. */
export function mlDsa44Holds(key: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  return holds(() => ml_dsa44.verify(signature, message, key));
}

/** ECDSA on P-256 with SHA-256; `signature` is r and s, 32 bytes each. ECDSA has two valid s; both are taken. */
export function p256Holds(key: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  return holds(() => p256.verify(signature, message, key, { lowS: false }));
}

export function p256PointHolds(key: Uint8Array): boolean {
  return holds(() => {
    p256.Point.fromBytes(key).assertValidity();
    return true;
  });
}
