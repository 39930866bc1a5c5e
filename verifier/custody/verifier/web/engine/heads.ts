/* Heads snapshots: docs/spec/heads.md. */

import { type Bytes, before, same } from "./codec";
import { Refused } from "./errors";
import { HASH_BYTES, leafHash } from "./hash";
import { MAX_COUNT, checkChain } from "./names";
import { decodeStrictly } from "./record";
import { Frontier } from "./tree";
import type { Message } from "./wire";

export interface Head {
  readonly seq: bigint;
  readonly leaf: Bytes;
}

/** Sorted chain heads, and the root over them. */
export interface Heads {
  readonly byChain: ReadonlyMap<string, Head>;
  readonly root: Uint8Array;
}

const CODE = "heads-malformed";

export class HeadsReader {
  private readonly found = new Map<string, Head>();
  private readonly tree = new Frontier();
  private last = "";

  take(item: Uint8Array): void {
    const head = decodeStrictly(item, "ChainHead", CODE, CODE);
    const chain = head["chain"] as string;
    const [seq, leaf] = [head["seq"] as bigint, head["leaf_sha256"] as Bytes];
    if (!before(this.last, chain)) {
      throw new Refused(CODE, "the chain heads are not sorted");
    }
    checkChain(chain);
    if (seq <= 0n || seq > MAX_COUNT || leaf.length !== HASH_BYTES) {
      throw new Refused(CODE, `${chain}: a head without number or hash`);
    }
    this.found.set(chain, { seq, leaf: leaf.slice() as Bytes });
    this.tree.add(leafHash(item));
    this.last = chain;
  }

  end(): Heads {
    return { byChain: this.found, root: this.tree.root() };
  }
}

/** Holds a snapshot at leaf `index` against the heads of the entries before it, else `heads-mismatch`. */
export function checkHeads(snapshot: Message, index: bigint, heads: Heads): void {
  const fail = (why: string) => new Refused("heads-mismatch", `the heads snapshot at ${index} ${why}`);
  if (snapshot["tree_size"] !== index) {
    throw fail(`speaks of the tree of size ${snapshot["tree_size"] as bigint}`);
  }
  if (snapshot["chains"] !== BigInt(heads.byChain.size)) {
    throw fail(`counts ${snapshot["chains"] as bigint} chains; there are ${heads.byChain.size}`);
  }
  if (!same(snapshot["heads_root"] as Bytes, heads.root)) {
    throw fail("has another root");
  }
}
