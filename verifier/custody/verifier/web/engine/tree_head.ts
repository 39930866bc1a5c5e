/*
 * The text of a checkpoint: C2SP tlog-checkpoint, "Note text". Extension lines are refused: nobody can audit what they say, and
 * ML-DSA-44 cosignatures do not cover them.
 */

import { type Bytes, encodeBase64, parseBase64, parseDecimal, text, utf8 } from "./codec";
import { Refused } from "./errors";
import { HASH_BYTES } from "./hash";
import { MAX_TREE_SIZE } from "./tree";

const MAX_BODY_BYTES = 8192;

export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Bytes;
}

export function encodeBody(checkpoint: Checkpoint): Bytes {
  return utf8(`${checkpoint.origin}\n${checkpoint.size}\n${encodeBase64(checkpoint.root)}\n`);
}

/** The note's text as a checkpoint: `checkpoint-extension` for further lines, else `checkpoint-malformed`. */
export function parseBody(body: Uint8Array): Checkpoint {
  const code = "checkpoint-malformed";
  if (body.length > MAX_BODY_BYTES) {
    throw new Refused(code, `a checkpoint has at most ${MAX_BODY_BYTES} bytes of text`);
  }
  const found = text(body, code, "the checkpoint").split("\n");
  if (found.length < 4 || found.at(-1) !== "") {
    throw new Refused(code, "a checkpoint has three lines, each with its newline");
  }
  if (found.length > 4) {
    throw new Refused("checkpoint-extension", "the checkpoint has extension lines");
  }
  const [origin, size, encoded] = found as [string, string, string];
  const root = parseBase64(encoded, code);
  // eslint-disable-next-line no-control-regex
  if (!origin || /[\x00-\x1f]/.test(origin) || root.length !== HASH_BYTES) {
    throw new Refused(code, "the checkpoint's origin or root hash is not one");
  }
  return { origin, size: parseDecimal(size, MAX_TREE_SIZE, code), root };
}
