/* Offline inclusion proofs in a file: C2SP tlog-proof. */

import { parseCheckpoint } from "./checkpoint";
import { type Bytes, ascii, parseBase64, parseDecimal } from "./codec";
import { Refused } from "./errors";
import { HASH_BYTES } from "./hash";
import { MAX_NOTE_BYTES } from "./note";
import type { Policy } from "./policy";
import { MAX_PROOF_HASHES, MAX_TREE_SIZE, verifyInclusion } from "./tree";

const HEADER = "c2sp.org/tlog-proof@v1";
const MAX_EXTRA_BYTES = 65_536;
export const MAX_TLOG_PROOF_BYTES = MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES;
const CODE = "tlog-proof-malformed";

export interface TlogProof {
  readonly index: bigint;
  readonly hashes: readonly Bytes[];
  /** The note's exact bytes. */
  readonly checkpoint: Bytes;
  readonly extra: Bytes | null;
}

/** Reads a proof file and the form of its checkpoint; verifies nothing. */
export function parseTlogProof(data: Uint8Array): TlogProof {
  if (data.length > MAX_TLOG_PROOF_BYTES) {
    throw new Refused(CODE, `a proof file has at most ${MAX_TLOG_PROOF_BYTES} bytes`);
  }
  let gap = 0;
  while (gap < data.length - 1 && !(data[gap] === 10 && data[gap + 1] === 10)) {
    gap++;
  }
  const split = gap < data.length - 1;
  const found = ascii(split ? data.subarray(0, gap) : data, CODE, "the head of the proof file").split("\n");
  if (!split || found.shift() !== HEADER) {
    throw new Refused(CODE, `a proof file begins with ${HEADER} and has an empty line before its checkpoint`);
  }
  const extra = found[0]?.startsWith("extra ") ? parseExtra(found.shift() as string) : null;
  const index = found.shift();
  if (!index?.startsWith("index ")) {
    throw new Refused(CODE, "the proof file has no index line");
  }
  const at = parseDecimal(index.slice(6), MAX_TREE_SIZE - 1n, CODE);
  if (found.length > MAX_PROOF_HASHES) {
    throw new Refused(CODE, `a proof has at most ${MAX_PROOF_HASHES} hashes`);
  }
  const hashes = found.map((line) => parseBase64(line, CODE));
  if (hashes.some((one) => one.length !== HASH_BYTES)) {
    throw new Refused(CODE, "every hash of a proof has 32 bytes");
  }
  const checkpoint = data.slice(gap + 2) as Bytes;
  parseCheckpoint(checkpoint);
  return { index: at, hashes, checkpoint, extra };
}

function parseExtra(line: string): Bytes {
  const extra = parseBase64(line.slice(6), CODE);
  if (extra.length < 1 || extra.length > MAX_EXTRA_BYTES) {
    throw new Refused(CODE, `extra data has 1 to ${MAX_EXTRA_BYTES} bytes; without any, the line is left out`);
  }
  return extra;
}

/** 1 signature and cosignatures, 2 quorum, 3 inclusion. */
export function verifyTlogProof(proof: TlogProof, leaf: Uint8Array, policy: Policy): void {
  const head = policy.verify(proof.checkpoint).checkpoint;
  verifyInclusion(leaf, proof.index, head.size, proof.hashes, head.root);
}
