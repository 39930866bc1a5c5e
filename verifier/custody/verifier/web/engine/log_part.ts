/* slices.json, inclusion.json, indexes and consistency: docs/spec/package.md, "The log part". */

import { type Bytes, compare, lines, parseBase64, parseDecimal } from "./codec";
import { Refused } from "./errors";
import { HASH_BYTES } from "./hash";
import { Form, decodeJson } from "./json";
import { MAX_ENTRIES, MAX_PROOF_LIST } from "./layout";
import { MAX_COUNT, checkChain } from "./names";
import { MAX_PROOF_HASHES, MAX_TREE_SIZE } from "./tree";

const CODE = "package-log-part";

/** Entries `first` to `last` of a chain, both included. */
export interface Slice {
  readonly chain: string;
  readonly first: bigint;
  readonly last: bigint;
}

export interface Slices {
  /** Leaf index of the closing snapshot. */
  readonly snapshot: bigint;
  readonly slices: readonly Slice[];
}

export interface Inclusion {
  readonly size: bigint;
  readonly proofs: ReadonlyMap<bigint, readonly Bytes[]>;
}

export function parseSlices(data: Uint8Array): Slices {
  const form = new Form(CODE, "slices.json");
  const value = form.object(decodeJson(data, CODE), ["schema", "snapshot", "slices"]);
  const slices = form.list(value["slices"]).map((item) => {
    const row = form.object(item, ["chain", "first", "last"]);
    return {
      chain: checkChain(form.text(row["chain"])),
      first: form.number(row["first"], 1n, MAX_COUNT),
      last: form.number(row["last"], 1n, MAX_COUNT),
    };
  });
  const sorted = slices.every((one, at) => at === 0 || compare((slices[at - 1] as Slice).chain, one.chain) < 0);
  if (value["schema"] !== "custody.package-slices/1" || !sorted || slices.some((one) => one.last < one.first)) {
    throw new Refused(CODE, "the slices are not sorted, or one is empty or twice");
  }
  return { snapshot: form.number(value["snapshot"], 0n, MAX_TREE_SIZE), slices };
}

export function parseInclusion(data: Uint8Array): Inclusion {
  const form = new Form(CODE, "inclusion.json");
  const value = form.object(decodeJson(data, CODE), ["schema", "size", "proofs"]);
  const rows = form.list(value["proofs"]);
  if (value["schema"] !== "custody.package-inclusion/1" || rows.length > MAX_PROOF_LIST) {
    throw form.bad();
  }
  const proofs = new Map<bigint, Bytes[]>();
  let last = -1n;
  for (const item of rows) {
    const row = form.object(item, ["index", "hashes"]);
    const index = form.number(row["index"], 0n, MAX_TREE_SIZE);
    if (index <= last) {
      throw form.bad();
    }
    proofs.set(index, readHashes(form.list(row["hashes"]).map((one) => form.text(one))));
    last = index;
  }
  return { size: form.number(value["size"], 0n, MAX_TREE_SIZE), proofs };
}

/** Leaf indexes, ascending, one decimal a line. */
export function parseIndexes(data: Uint8Array): BigUint64Array {
  const found = lines(data, CODE, "the list of indexes");
  if (found.length > MAX_ENTRIES) {
    throw new Refused(CODE, `more than ${MAX_ENTRIES} entries`);
  }
  const indexes = BigUint64Array.from(found, (line) => parseDecimal(line, MAX_TREE_SIZE - 1n, CODE));
  if (indexes.some((index, at) => at > 0 && index <= (indexes[at - 1] as bigint))) {
    throw new Refused(CODE, "the indexes do not ascend");
  }
  return indexes;
}

/** A consistency proof, one base64 hash a line. */
export function parseHashes(data: Uint8Array): Bytes[] {
  return readHashes(lines(data, CODE, "the consistency proof"));
}

function readHashes(texts: readonly string[]): Bytes[] {
  if (texts.length > MAX_PROOF_HASHES + 1) {
    throw new Refused(CODE, "a proof has too many hashes");
  }
  const found = texts.map((one) => parseBase64(one, CODE));
  if (found.some((one) => one.length !== HASH_BYTES)) {
    throw new Refused(CODE, "a hash of a proof has 32 bytes");
  }
  return found;
}
