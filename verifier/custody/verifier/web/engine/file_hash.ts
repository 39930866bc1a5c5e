/*
 * SHA-256 of files, a job for several workers. Up to SUBTLE_BYTES the whole file goes to the browser's own implementation,
 * which uses the processor's SHA instructions; longer ones are read in pieces through WebAssembly (WebCrypto cannot stream),
 * or through plain script where the browser lets no WebAssembly run.
 */

import { sha256 as noble } from "@noble/hashes/sha2.js";
import { createSHA256 } from "hash-wasm";
import type { Bytes } from "./codec";

/** Held in memory at once by each worker. */
export const SUBTLE_BYTES = 256 << 20;
const PIECE_BYTES = 8 << 20;

interface Streaming {
  update(data: Uint8Array): unknown;
  end(): Uint8Array;
}

async function streaming(): Promise<Streaming> {
  try {
    const hasher = await createSHA256();
    return { update: (data) => hasher.update(data), end: () => hasher.digest("binary") };
  } catch {
    const hasher = noble.create();
    return { update: (data) => hasher.update(data), end: () => hasher.digest() };
  }
}

/** The digest of a file; null when it cannot be read. `read` is told how many bytes were hashed since it was told last. */
export async function hashFile(file: Blob, read: (bytes: number) => void): Promise<Bytes | null> {
  try {
    if (file.size <= SUBTLE_BYTES && globalThis.crypto?.subtle !== undefined) {
      const data = await file.arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
      read(data.byteLength);
      return digest;
    }
    const hasher = await streaming();
    for (let at = 0; at < file.size; at += PIECE_BYTES) {
      const piece = new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer());
      hasher.update(piece);
      read(piece.length);
    }
    return hasher.end() as Bytes;
  } catch {
    return null; // taken away, changed since it was handed over, or not readable
  }
}
