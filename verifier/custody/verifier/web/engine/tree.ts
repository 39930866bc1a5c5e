/*
 * Merkle tree of RFC 6962 section 2.1, inclusion and consistency proofs of RFC 9162 sections 2.1.3 and 2.1.4, and range
 * proofs (docs/spec/tree.md). The shape of a proof follows from its sizes: first its hashes are counted, then folded.
 */

import { type Bytes, same } from "./codec";
import { Refused } from "./errors";
import { EMPTY_ROOT, HASH_BYTES, nodeHash } from "./hash";

export const MAX_TREE_SIZE = (1n << 63n) - 1n;
/** A tree of 2^63 - 1 entries is 63 levels deep, and a consistency proof adds one. */
export const MAX_PROOF_HASHES = 64;

interface Sibling {
  start: bigint;
  end: bigint;
  onRight: boolean;
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

function bitCount(value: bigint): number {
  return value.toString(2).replaceAll("0", "").length;
}

/** What stands beside the way from a node above `entry` up to the root, lowest first. */
function siblings(entry: bigint, size: bigint, arrived: (start: bigint, end: bigint) => boolean): Sibling[] {
  const found: Sibling[] = [];
  let start = 0n;
  let end = size;
  while (!arrived(start, end)) {
    const middle = start + (1n << BigInt(bitLength(end - start - 1n) - 1));
    if (entry < middle) {
      found.push({ start: middle, end, onRight: true });
      end = middle;
    } else {
      found.push({ start, end: middle, onRight: false });
      start = middle;
    }
  }
  return found.reverse();
}

function whole(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((one) => one.length === HASH_BYTES);
}

export function verifyInclusion(
  leaf: Uint8Array, index: bigint, size: bigint, proof: readonly Uint8Array[], root: Uint8Array,
): void {
  const fail = (why: string) => new Refused("inclusion-failed", why);
  if (index < 0n || index >= size || size > MAX_TREE_SIZE) {
    throw fail(`entry ${index} is not in a tree of ${size} entries`);
  }
  const way = siblings(index, size, (start, end) => end - start === 1n);
  if (proof.length !== way.length) {
    throw fail(`entry ${index} of ${size} needs a proof of ${way.length} hashes, not ${proof.length}`);
  }
  if (!whole([leaf, root, ...proof])) {
    throw fail("every hash of an inclusion proof has 32 bytes");
  }
  let computed = leaf;
  way.forEach((beside, at) => {
    const sibling = proof[at] as Uint8Array;
    computed = beside.onRight ? nodeHash(computed, sibling) : nodeHash(sibling, computed);
  });
  if (!same(computed, root)) {
    throw fail(`the inclusion proof of entry ${index} does not lead to the root of the tree of ${size}`);
  }
}

export function verifyConsistency(
  oldSize: bigint, oldRoot: Uint8Array, newSize: bigint, newRoot: Uint8Array, proof: readonly Uint8Array[],
): void {
  const fail = (why: string) => new Refused("consistency-failed", why);
  if (oldSize < 0n || oldSize > newSize || newSize > MAX_TREE_SIZE) {
    throw fail(`a tree of ${newSize} entries does not extend one of ${oldSize}`);
  }
  if (!whole([oldRoot, newRoot, ...proof])) {
    throw fail("every hash of a consistency proof has 32 bytes");
  }
  if (oldSize === 0n || oldSize === newSize) {
    if (proof.length) {
      throw fail(`from size ${oldSize} to ${newSize} no hashes are needed`);
    }
    if ((oldSize === 0n && !same(oldRoot, EMPTY_ROOT)) || (newSize === 0n && !same(newRoot, EMPTY_ROOT))) {
      throw fail("a tree is said to be empty but its root is not the root of the empty tree");
    }
    if (oldSize === newSize && !same(oldRoot, newRoot)) {
      throw fail(`two different roots are claimed for the same size ${newSize}`);
    }
    return;
  }
  const way = siblings(oldSize - 1n, newSize, (_, end) => end === oldSize);
  const seed = way.find((beside) => !beside.onRight)?.end ?? 0n;
  // Where the old root is itself a node of the new tree the proof leaves it out: the verifier has it.
  const hashes = seed ? [...proof] : [oldRoot, ...proof];
  if (hashes.length !== way.length + 1) {
    throw fail(`the proof from size ${oldSize} to ${newSize} has not as many hashes as it needs`);
  }
  let old = hashes[0] as Uint8Array;
  let grown = old;
  way.forEach((beside, at) => {
    const sibling = hashes[at + 1] as Uint8Array;
    if (beside.onRight) {
      grown = nodeHash(grown, sibling);
    } else {
      old = nodeHash(sibling, old);
      grown = nodeHash(sibling, grown);
    }
  });
  if (!same(old, oldRoot)) {
    throw fail(`the consistency proof does not lead to the old root at size ${oldSize}`);
  }
  if (!same(grown, newRoot)) {
    throw fail(`the consistency proof does not lead to the new root at size ${newSize}`);
  }
}

/** Peaks of a growing tree: `hashes` of the complete subtrees left to right, one for each bit of `size`. */
export class Frontier {
  size: bigint;
  hashes: Uint8Array[];

  constructor(size = 0n, hashes: readonly Uint8Array[] = []) {
    this.size = size;
    this.hashes = [...hashes];
  }

  add(leaf: Uint8Array): void {
    let computed = leaf;
    for (let rest = this.size; rest & 1n; rest >>= 1n) {
      computed = nodeHash(this.hashes.pop() as Uint8Array, computed);
    }
    this.hashes.push(computed);
    this.size += 1n;
  }

  root(): Uint8Array {
    const last = this.hashes.at(-1);
    return last === undefined ? EMPTY_ROOT : this.hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
  }
}

export function rootOf(leaves: Iterable<Uint8Array>): Uint8Array {
  const tree = new Frontier();
  for (const leaf of leaves) {
    tree.add(leaf);
  }
  return tree.root();
}

/** Checks that `leaves` are the entries from `first` on of the tree of `size` entries with `root`. */
export function verifyRange(
  leaves: readonly Uint8Array[], first: bigint, size: bigint,
  left: readonly Uint8Array[], right: readonly Uint8Array[], root: Uint8Array,
): void {
  const fail = (why: string) => new Refused("inclusion-failed", why);
  const end = first + BigInt(leaves.length);
  if (first < 0n || !leaves.length || end > size || size > MAX_TREE_SIZE) {
    throw fail(`a run of ${leaves.length} entries from ${first} is not in a tree of ${size} entries`);
  }
  const way = siblings(end - 1n, size, (low, high) => high === end && bitCount(high - low) === 1);
  if (left.length !== bitCount(first) || right.length !== way.filter((beside) => beside.onRight).length) {
    throw fail(`a run from ${first} to ${end} of ${size} needs another number of hashes`);
  }
  if (!whole([...left, ...right, ...leaves])) {
    throw fail("every hash of a range proof has 32 bytes");
  }
  const run = new Frontier(first, left);
  for (const leaf of leaves) {
    run.add(leaf);
  }
  const rights = [...right];
  let computed = run.hashes.pop() as Uint8Array;
  for (const beside of way) {
    computed = beside.onRight
      ? nodeHash(computed, rights.shift() as Uint8Array)
      : nodeHash(run.hashes.pop() as Uint8Array, computed);
  }
  if (!same(computed, root)) {
    throw fail(`the range proof from ${first} does not lead to the root of the tree of ${size}`);
  }
}

export type Hashes = readonly Bytes[];
