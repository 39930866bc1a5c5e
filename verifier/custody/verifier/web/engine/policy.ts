/* Trust policies: C2SP tlog-policy. Names are opaque octets; they are kept as one character for each byte. */

import { type Checkpoint, checkEveryType, parseCheckpoint } from "./checkpoint";
import { fromOctets, octets, parseDecimal, text } from "./codec";
import { Refused, shown } from "./errors";
import { verifyNote } from "./note";
import { COSIGNATURE_ED25519, ED25519, ML_DSA_44, VerifierKey } from "./vkey";

export const MAX_POLICY_BYTES = 1 << 20;
const MAX_DEFINITIONS = 256;
const CODE = "policy-malformed";

export interface PolicyWitness {
  readonly name: string;
  readonly vkey: VerifierKey;
}

interface Group {
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly string[];
}

export interface Witnessed {
  readonly checkpoint: Checkpoint;
  readonly log: VerifierKey;
  readonly cosigners: readonly VerifierKey[];
}

export class Policy {
  readonly logs: VerifierKey[] = [];
  readonly witnesses: PolicyWitness[] = [];
  private readonly groups: Group[] = [];
  private readonly quorums: string[] = [];
  /** Every defined name: not yet the member of a group. */
  private readonly free = new Map<string, boolean>();

  static parse(data: Uint8Array): Policy {
    if (data.length > MAX_POLICY_BYTES) {
      throw new Refused(CODE, `a policy has at most ${MAX_POLICY_BYTES} bytes`);
    }
    if (data.some((byte) => (byte < 0x20 && byte !== 9 && byte !== 10) || byte === 0x7f)) {
      throw new Refused(CODE, "a policy has no control characters but tab and newline");
    }
    const found = octets(data).split("\n");
    if (found.pop() !== "") {
      throw new Refused(CODE, "the last line of the policy does not end in a newline");
    }
    const policy = new Policy();
    found.forEach((line, at) => {
      try {
        policy.read(line.split(/[ \t]/).filter((word) => word));
      } catch (error) {
        throw error instanceof Refused ? new Refused(error.code, `policy line ${at + 1}: ${error.message}`) : error;
      }
    });
    if (policy.quorums.length !== 1) {
      throw new Refused(CODE, "a policy has exactly one quorum line");
    }
    return policy;
  }

  /** Reads a checkpoint: 1 the listed log of that origin signed, by one key of every listed type; 2 the quorum cosigned. */
  verify(note: Uint8Array): Witnessed {
    const signed = parseCheckpoint(note);
    const origin = signed.checkpoint.origin;
    const logs = this.logs.filter((one) => one.name === origin);
    if (!logs.length) {
      throw new Refused("log-unknown", `the policy does not list the log ${JSON.stringify(origin)}`);
    }
    const verified = verifyNote(signed.note, [...logs, ...this.witnesses.map((one) => one.vkey)]);
    const log = logs.find((key) => verified.some((one) => one.key.is(key)));
    if (log === undefined) {
      throw new Refused("signature-missing", "no listed key of the log signed the checkpoint");
    }
    checkEveryType(verified, logs, origin);
    const cosigners = verified
      .filter((one) => one.timestamp !== null && this.witnesses.some((witness) => witness.vkey.is(one.key)))
      .map((one) => one.key);
    this.check(cosigners);
    return { checkpoint: signed.checkpoint, log, cosigners };
  }

  /** These keys, whose cosignatures are good, make the quorum; else `quorum-missing`. */
  check(cosigners: readonly VerifierKey[]): void {
    const quorum = this.quorums[0] as string;
    if (quorum === "none") {
      return;
    }
    const witnessed = new Set(
      this.witnesses.filter((one) => cosigners.some((key) => key.is(one.vkey))).map((one) => one.name),
    );
    for (const group of this.groups) {
      if (group.members.filter((member) => witnessed.has(member)).length >= group.threshold) {
        witnessed.add(group.name);
      }
    }
    if (!witnessed.has(quorum)) {
      throw new Refused("quorum-missing", `the quorum ${quorum} has not cosigned; cosigned by ${[...witnessed].sort().join(", ") || "nobody"}`);
    }
  }

  private read(words: readonly string[]): void {
    const [word, ...rest] = words;
    if (word === undefined || word.startsWith("#")) {
      return;
    }
    const [first, second, ...more] = rest as [string, string, ...string[]];
    if (word === "log" && (rest.length === 1 || rest.length === 2)) {
      this.addLog(first);
    } else if (word === "witness" && (rest.length === 2 || rest.length === 3)) {
      this.addWitness(first, second);
    } else if (word === "group" && more.length) {
      this.addGroup(first, second, more);
    } else if (word === "quorum" && rest.length === 1) {
      if (first !== "none" && !this.free.has(first)) {
        throw new Refused(CODE, `the quorum ${shown(first)} is not defined above`);
      }
      this.quorums.push(first);
    } else {
      throw new Refused(CODE, `not a policy line: ${shown(words.join(" "), 64)}`);
    }
  }

  private addLog(found: string): void {
    const key = parseKey(found, [ED25519, ML_DSA_44]);
    refuseExcess(this.logs);
    refuseTwice(this.logs, key);
    this.logs.push(key);
  }

  private addWitness(name: string, found: string): void {
    this.define(name);
    const vkey = parseKey(found, [COSIGNATURE_ED25519, ML_DSA_44]);
    refuseExcess(this.witnesses);
    refuseTwice(this.witnesses.map((one) => one.vkey), vkey);
    this.witnesses.push({ name, vkey });
  }

  private addGroup(name: string, threshold: string, members: readonly string[]): void {
    refuseExcess(this.groups);
    for (const member of members) {
      if (!this.free.get(member)) {
        throw new Refused(CODE, `${shown(member)} is not defined above, or is already the member of a group`);
      }
      this.free.set(member, false);
    }
    this.define(name);
    const needed =
      threshold === "any" ? 1 : threshold === "all" ? members.length : Number(parseDecimal(threshold, BigInt(members.length), CODE));
    if (needed < 1) {
      throw new Refused(CODE, "a group's threshold is at least 1");
    }
    this.groups.push({ name, threshold: needed, members });
  }

  private define(name: string): void {
    if (name === "none" || this.free.has(name)) {
      throw new Refused(CODE, `the name ${shown(name)} is taken`);
    }
    this.free.set(name, true);
  }
}

function parseKey(found: string, types: readonly number[]): VerifierKey {
  const key = VerifierKey.parse(text(fromOctets(found), "vkey-malformed", "the vkey"));
  if (!types.includes(key.type)) {
    throw new Refused(CODE, "a key of this type cannot serve in this place");
  }
  return key;
}

function refuseExcess(definitions: readonly unknown[]): void {
  if (definitions.length >= MAX_DEFINITIONS) {
    throw new Refused(CODE, `a policy has at most ${MAX_DEFINITIONS} of each kind`);
  }
}

function refuseTwice(keys: readonly VerifierKey[], key: VerifierKey): void {
  if (keys.some((one) => String(one.publicKey) === String(key.publicKey))) {
    throw new Refused(CODE, "this public key is listed twice");
  }
}
