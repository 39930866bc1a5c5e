/*
 * Runs a file of tests/vectors (its README says what each folder means). The same files are run by the Python implementation;
 * so the two agree on every form, the good ones and the bad.
 */

import { openCheckpoint, parseCheckpoint } from "./checkpoint";
import { type Bytes, ascii, fromHex, hex, octets, parseBase64, parseDecimal, text, utf8 } from "./codec";
import { checkDisclosure } from "./disclosure";
import { decodeEntry, readSeal, rebuildEntry } from "./entry";
import { Refused } from "./errors";
import { decodeBundle } from "./framing";
import { leafHash } from "./hash";
import { HeadsReader } from "./heads";
import { encodeNote, parseNote, verifyNote } from "./note";
import { Policy } from "./policy";
import { decodeStrictly, readRecord } from "./record";
import { readSealKey, verifySeal } from "./seal";
import { edgeTiles, parseTilePath } from "./tile";
import { parseTlogProof, verifyTlogProof } from "./tlog_proof";
import { MAX_TREE_SIZE, rootOf, verifyConsistency, verifyInclusion, verifyRange } from "./tree";
import { VerifierKey } from "./vkey";

class Case {
  readonly expect: string;
  private readonly keys: [string, string][];
  readonly payload: Bytes;

  constructor(data: Uint8Array) {
    const gap = data.findIndex((byte, at) => byte === 10 && data[at + 1] === 10);
    this.keys = text(data.subarray(0, gap), "vector").split("\n").map((line) => {
      const mark = line.indexOf(": ");
      return [line.slice(0, mark), line.slice(mark + 2)];
    });
    this.payload = data.slice(gap + 2) as Bytes;
    this.expect = this.one("expect");
  }

  all(key: string): string[] {
    return this.keys.filter(([name]) => name === key).map(([, value]) => value);
  }

  one(key: string): string {
    return this.all(key)[0] ?? "";
  }

  number(key: string): bigint {
    return BigInt(this.one(key));
  }

  hashes(key: string): Bytes[] {
    return this.all(key).map((value) => fromHex(value) as Bytes);
  }

  hash(key: string): Bytes {
    return fromHex(this.one(key)) as Bytes;
  }

  lines(): Bytes[] {
    return octets(this.payload).split("\n").filter((line) => line).map((line) => fromHex(line) as Bytes);
  }

  line(): Bytes {
    return this.lines()[0] ?? (new Uint8Array() as Bytes);
  }

  vkeys(): VerifierKey[] {
    return this.all("vkey").map((value) => VerifierKey.parse(value));
  }
}

/** Fields under whose digests an entry can be found: docs/spec/record.md. */
const DIGESTS = ["file_sha256", "copies_sha256", "derived_sha256", "published_sha256", "manifest_sha256"];

/** Throws where something else was read than the case says. */
function agree(found: unknown, expected: unknown): void {
  const spell = (value: unknown): string => (Array.isArray(value) ? `[${value.map((one) => `${spell(one)},`).join("")}]` : String(value));
  const [one, two] = [spell(found), spell(expected)];
  if (one !== two) {
    throw new Error(`found ${one.slice(0, 200)}, not ${two.slice(0, 200)}`);
  }
}

const RUNNERS: Readonly<Record<string, (one: Case) => void>> = {
  tree: (one) => agree(hex(rootOf(one.lines())), one.one("root")),
  inclusion: (one) => verifyInclusion(one.hash("leaf"), one.number("index"), one.number("size"), one.lines(), one.hash("root")),
  consistency: (one) =>
    verifyConsistency(one.number("old-size"), one.hash("old-root"), one.number("new-size"), one.hash("new-root"), one.lines()),
  range: (one) =>
    verifyRange(one.lines(), one.number("first"), one.number("size"), one.hashes("left"), one.hashes("right"), one.hash("root")),
  tile: (one) => {
    const found = parseTilePath(text(one.payload, "tile-path-malformed"));
    agree([found.level, found.index, found.width], [one.one("level"), one.number("index"), one.number("width")]);
  },
  "tree-tiles": (one) => agree(edgeTiles(one.number("size")), one.all("tile")),
  bundle: (one) => agree(decodeBundle(one.line(), Number(one.number("width"))).map(hex), one.all("entry")),
  vkey: (one) => {
    const key = VerifierKey.parse(text(one.payload, "vkey-malformed"));
    const type = `0x${key.type.toString(16).padStart(2, "0")}`;
    agree([key.name, type, hex(key.keyId)], [one.one("name"), one.one("type"), one.one("key-id")]);
    agree(key.encode(), text(one.payload, "vkey-malformed"));
  },
  note: (one) => {
    const note = parseNote(one.payload);
    agree(hex(encodeNote(note)), hex(one.payload));
    agree(verifyNote(note, one.vkeys()).length, one.number("verified"));
  },
  checkpoint: (one) => {
    const opened = openCheckpoint(one.payload, one.vkeys(), { origin: one.one("origin") });
    agree([opened.size, hex(opened.root)], [one.number("size"), one.one("root")]);
  },
  cosignature: (one) => {
    const { note } = parseCheckpoint(one.payload);
    let times: string[] = [];
    try {
      times = verifyNote(note, one.vkeys()).map((found) => String(found.timestamp));
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "signature-missing") {
        throw error; // that nobody known has cosigned is no error here: the quorum decides what it means
      }
    }
    agree(times, one.all("time"));
  },
  policy: (one) => {
    const policy = Policy.parse(one.payload);
    const named = one.all("cosigned").map((name) => octets(utf8(name)));
    policy.check(policy.witnesses.filter((witness) => named.includes(witness.name)).map((witness) => witness.vkey));
  },
  "tlog-proof": (one) => {
    const trusted = Policy.parse(utf8(one.all("policy").map((line) => `${line}\n`).join("")));
    verifyTlogProof(parseTlogProof(one.payload), one.hash("leaf"), trusted);
  },
  "add-checkpoint": (one) => {
    const found = readWitnessRequest(one.payload);
    agree([found.oldSize, found.proof.map(hex)], [one.number("old-size"), one.all("proof")]);
  },
  record: (one) => {
    const read = readRecord(one.line());
    agree([read.kind.name, hex(read.id), ...read.periodUs], [one.one("kind"), one.one("record-id"), one.number("from-us"), one.number("to-us")]);
    agree(read.chains, one.all("chain"));
    const digests = DIGESTS.flatMap((name) => (read.body[name] as Bytes | Bytes[] | undefined) ?? []);
    agree(digests.filter((digest) => digest.length).map(hex), one.all("digest"));
  },
  entry: (one) => {
    const read = decodeEntry(one.line());
    agree(hex(leafHash(one.line())), one.one("leaf"));
    agree([read.submitter, read.sequencedAtUs], [one.one("submitter"), one.number("sequenced-at-us")]);
    agree(read.links.map((link) => `${link.chain} ${link.seq} ${hex(link.prev) || "-"}`), one.all("link"));
  },
  disclosure: (one) => {
    const read = checkDisclosure(one.line(), one.hash("commitment"));
    agree([read.name, read.value], [one.one("name"), one.one("value")]);
  },
  heads: (one) => {
    const reader = new HeadsReader();
    one.lines().forEach((line) => reader.take(line));
    agree(hex(reader.end().root), one.one("root"));
  },
  receipt: (one) => {
    const [records, stamps] = [one.hashes("record"), one.lines()];
    const [first, size] = [one.number("first"), one.number("size")];
    if (first + BigInt(stamps.length) > size || stamps.length > records.length) {
      throw new Refused("receipt-mismatch", "the run does not fit the batch or the tree");
    }
    const rebuilt = stamps.map((stamp, at) => rebuildEntry(records[at] as Bytes, stamp));
    if (rebuilt.some(({ entry }) => String(entry.links.map((link) => link.chain)) !== one.one("chain"))) {
      throw new Refused("receipt-mismatch", "a record is filed under other chains than it belongs to");
    }
    verifyRange(rebuilt.map(({ raw }) => leafHash(raw)), first, size, one.hashes("left"), one.hashes("right"), one.hash("root"));
    if (stamps.length !== records.length) {
      throw new Refused("receipt-mismatch", "the receipt does not cover every record");
    }
  },
  seal: (one) => {
    const key = readSealKey(Number(one.number("algorithm")), one.hash("public-key"));
    const seal = readSeal(decodeStrictly(one.line(), "Seal", "seal-malformed", "seal-malformed"));
    verifySeal(seal, key, one.one("origin"), one.hashes("record"));
  },
};

/** C2SP tlog-witness, add-checkpoint: the size that the witness holds, the proof from it, an empty line, the checkpoint. */
function readWitnessRequest(data: Uint8Array): { oldSize: bigint; proof: Bytes[] } {
  const code = "add-checkpoint-malformed";
  const gap = data.findIndex((byte, at) => byte === 10 && data[at + 1] === 10);
  const [old, ...proof] = ascii(gap < 0 ? data : data.subarray(0, gap), code).split("\n") as [string, ...string[]];
  if (gap < 0 || !old.startsWith("old ") || proof.length > 63) {
    throw new Refused(code, "not a witness request");
  }
  const hashes = proof.map((line) => parseBase64(line, code));
  if (hashes.some((one) => one.length !== 32)) {
    throw new Refused(code, "every hash of a proof has 32 bytes");
  }
  parseNote(data.slice(gap + 2)); // its text and signatures are the witness's matter
  return { oldSize: parseDecimal(old.slice(4), MAX_TREE_SIZE, code), proof: hashes };
}

/** `ok`, the code of the error, or `wrong: ...` where something else was read or an error is not ours. */
export function runVector(folder: string, data: Uint8Array): string {
  try {
    const runner = RUNNERS[folder];
    if (runner === undefined) {
      return `wrong: no such folder as ${folder}`;
    }
    runner(new Case(data));
    return "ok";
  } catch (error) {
    return error instanceof Refused ? error.code : `wrong: ${error instanceof Error ? error.message : String(error)}`;
  }
}

