/* Signed checkpoints: C2SP tlog-checkpoint (docs/spec/checkpoint.md). The text is in tree_head.ts, the envelope in note.ts. */

import { Refused } from "./errors";
import { type SignedNote, type VerifiedSignature, parseNote, verifyNote } from "./note";
import { type Checkpoint, parseBody } from "./tree_head";
import type { VerifierKey } from "./vkey";

export type { Checkpoint } from "./tree_head";

export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly note: SignedNote;
}

/** Reads a signed checkpoint and verifies nothing. */
export function parseCheckpoint(data: Uint8Array): SignedCheckpoint {
  const note = parseNote(data);
  return { checkpoint: parseBody(note.text), note };
}

/**
 * Reads and verifies: the origin must be the name of a key that signed, and `origin` where it is given. Of every signature type
 * among that log's keys one must have signed (docs/spec/verification.md, Trust); `anyType` waives this for checkpoints that are
 * held against a newer one.
 */
export function openCheckpoint(
  data: Uint8Array, keys: readonly VerifierKey[], { origin, anyType = false }: { origin?: string; anyType?: boolean } = {},
): Checkpoint {
  const signed = parseCheckpoint(data);
  const verified = verifyNote(signed.note, keys);
  const names = verified.map((one) => one.key.name);
  const found = signed.checkpoint.origin;
  if (!names.includes(found) || (origin !== undefined && origin !== found)) {
    throw new Refused("checkpoint-origin", `the checkpoint is of ${JSON.stringify(found)}, not of ${origin ?? names.join(" or ")}`);
  }
  if (!anyType) {
    checkEveryType(verified, keys, found);
  }
  return signed.checkpoint;
}

/** Several keys of one type are alternatives, as in a rotation; several types are not, for then the weakest would decide. */
export function checkEveryType(verified: readonly VerifiedSignature[], keys: readonly VerifierKey[], origin: string): void {
  for (const { name, type } of keys) {
    if (name === origin && !verified.some((one) => one.key.name === origin && one.key.type === type)) {
      throw new Refused("signature-missing", `the checkpoint has no signature of type ${type} by ${origin}, though such a key is demanded`);
    }
  }
}
