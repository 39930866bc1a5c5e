/*
 * SHA-256 of files, a job for several workers. Up to SUBTLE_BYTES the whole file goes to the browser's own implementation,
 * which uses the processor's SHA instructions; longer ones are read in pieces through WebAssembly (WebCrypto cannot stream),
 * or through plain script where the browser lets no WebAssembly run.
 */

import { sha256 as noble } from "@noble/hashes/sha2.js";
import { createSHA256 } from "hash-wasm";
import type { Bytes } from "./codec";
import type { Region } from "./container";

/** Read whole; hash_pool.ts bounds what all workers together hold. */
export const SUBTLE_BYTES = 256 << 20;
const PIECE_BYTES = 16 << 20;

type Told = (bytes: number) => void;

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

/** The digests of a region's parts; null for what cannot be read. `told` hears how many bytes were hashed since. */
export async function hashRegion({ blob, parts }: Region, told: Told): Promise<(Bytes | null)[]> {
  const data = await whole(blob);
  const digests: (Bytes | null)[] = [];
  for (const { start, end } of parts) {
    try {
      if (data === null) {
        digests.push(await hashStream(blob.slice(start, end), told));
      } else {
        digests.push(new Uint8Array(await crypto.subtle.digest("SHA-256", data.subarray(start, end))));
        told(end - start);
      }
    } catch {
      digests.push(null); // taken away, changed since it was handed over, or not readable
    }
  }
  return digests;
}

/** The digest of one file; null when it cannot be read. */
export async function hashFile(file: Blob, told: Told): Promise<Bytes | null> {
  const [digest] = await hashRegion({ blob: file, parts: [{ name: "", start: 0, end: file.size }] }, told);
  return digest ?? null;
}

/** All bytes; null where they are too many, here or for this computer's memory, or not readable: then it goes in pieces. */
async function whole(blob: Blob): Promise<Bytes | null> {
  if (blob.size > SUBTLE_BYTES || globalThis.crypto?.subtle === undefined) {
    return null;
  }
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    return null;
  }
}

/** The next piece is read while this one is hashed. */
async function hashStream(file: Blob, told: Told): Promise<Bytes> {
  const hasher = await streaming();
  const read = (at: number): Promise<ArrayBuffer> => file.slice(at, at + PIECE_BYTES).arrayBuffer();
  let coming = read(0);
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    const piece = new Uint8Array(await coming);
    coming = read(at + PIECE_BYTES);
    hasher.update(piece);
    told(piece.length);
  }
  await coming;
  return hasher.end() as Bytes;
}
