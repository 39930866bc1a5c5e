/* Checks 3 and 4: whose checkpoint this is, who cosigned it, and that it continues one that was seen before. */

import { type Checkpoint, openCheckpoint } from "./checkpoint";
import { ascii, same } from "./codec";
import type { Container } from "./container";
import { Refused } from "./errors";
import { CHECKPOINT, CONSISTENCY, EARLIER, VKEYS } from "./layout";
import { parseHashes } from "./log_part";
import { GROWTH, type PackageReport, SIGNATURES } from "./report";
import { verifyConsistency } from "./tree";
import type { Trusted } from "./trusted";
import { VerifierKey } from "./vkey";

const MAX_VKEYS_BYTES = 65_536;

/** Opens the checkpoint; null when it is not signed as it must be. */
export async function checkSignatures(report: PackageReport, container: Container, trust: Trusted): Promise<Checkpoint | null> {
  report.done.add(SIGNATURES);
  try {
    const opened = await open(report, container, await container.read(CHECKPOINT), trust);
    if (opened.origin !== report.log) {
      throw new Refused("checkpoint-origin", `the checkpoint is of ${JSON.stringify(opened.origin)}`);
    }
    report.size = opened.size;
    return opened;
  } catch (error) {
    report.caught(SIGNATURES, error, { path: CHECKPOINT });
    return null;
  }
}

async function open(report: PackageReport, container: Container, note: Uint8Array, trust: Trusted): Promise<Checkpoint> {
  if (trust.policy !== null) {
    const witnessed = trust.policy.verify(note);
    report.trust = "policy";
    report.keys = [witnessed.log.encode()];
    report.cosigners = witnessed.cosigners.map((key) => key.name);
    return witnessed.checkpoint;
  }
  const keys = trust.keys.length ? trust.keys : await claimed(container);
  report.trust = trust.keys.length ? "key" : "package";
  report.keys = keys.map((key) => key.encode());
  if (!trust.keys.length) {
    report.leave(SIGNATURES, "keys-from-package");
  }
  return openCheckpoint(note, keys);
}

/** Keys under which another checkpoint of the log opens: those of the reader, else those that the package claims. */
export async function keysFor(container: Container, trust: Trusted): Promise<readonly VerifierKey[]> {
  return trust.policy?.logs ?? (trust.keys.length ? trust.keys : await claimed(container));
}

async function claimed(container: Container): Promise<VerifierKey[]> {
  const found = ascii(await container.read(VKEYS, MAX_VKEYS_BYTES), "vkey-malformed", "the file of keys");
  return found.split("\n").filter((line) => line).map((line) => VerifierKey.parse(line));
}

/** The checkpoint extends the earlier one in the package, and the one that the reader remembers. Refused: that is of another log. */
export async function checkGrowth(
  report: PackageReport, container: Container, opened: Checkpoint, trust: Trusted,
): Promise<void> {
  const earlier = await checkEarlier(report, container, opened, trust);
  const held = trust.since;
  if (held === null) {
    return;
  }
  report.demanded.add(GROWTH);
  if (held.origin !== opened.origin) {
    throw new Refused("trust-unusable", `the checkpoint that you hold is of ${held.origin}, the package of ${opened.origin}`);
  }
  if (held.size > opened.size) {
    report.find(GROWTH, "rollback", `the given checkpoint has ${held.size} entries, the package's ${opened.size}`);
  }
  const met = [opened, earlier].find((one) => one?.size === held.size);
  if (met) {
    report.done.add(GROWTH);
    report.taken(GROWTH);
    if (!same(met.root, held.root)) {
      report.find(GROWTH, "fork", `the given checkpoint has another root at ${held.size} entries`);
    }
  } else {
    report.leave(GROWTH, earlier === null ? "no-growth-since" : "growth-other");
  }
}

/** The earlier checkpoint in the package, if it is proven that the package's own extends it. */
async function checkEarlier(
  report: PackageReport, container: Container, opened: Checkpoint, trust: Trusted,
): Promise<Checkpoint | null> {
  if (!container.has(EARLIER)) {
    report.leave(GROWTH, "no-earlier");
    return null;
  }
  report.done.add(GROWTH);
  try {
    const note = await container.read(EARLIER);
    const earlier = openCheckpoint(note, await keysFor(container, trust), { origin: opened.origin, anyType: true });
    const hashes = parseHashes(await container.read(CONSISTENCY));
    verifyConsistency(earlier.size, earlier.root, opened.size, opened.root, hashes);
    return earlier;
  } catch (error) {
    report.caught(GROWTH, error, { path: EARLIER });
    return null;
  }
}
