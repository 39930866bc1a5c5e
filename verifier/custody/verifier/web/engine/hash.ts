/* SHA-256 of small things, and RFC 6962 section 2.1 hashing on it. Files are hashed in file_hash.ts. */

import { sha256 as noble } from "@noble/hashes/sha2.js";
import type { Bytes } from "./codec";

export const HASH_BYTES = 32;

export function sha256(data: Uint8Array): Bytes {
  return noble(data) as Bytes;
}

function prefixed(prefix: number, ...parts: Uint8Array[]): Bytes {
  const hasher = noble.create().update(Uint8Array.of(prefix));
  for (const part of parts) {
    hasher.update(part);
  }
  return hasher.digest() as Bytes;
}

export const EMPTY_ROOT = sha256(new Uint8Array());

export function leafHash(entry: Uint8Array): Bytes {
  return prefixed(0, entry);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Bytes {
  return prefixed(1, left, right);
}
