/* Check 13: time-stamp tokens over the checkpoint, over the manifest, and over the checkpoint that the ledger had stamped early. */

import { type Certificate, NotHere } from "./certificate";
import { type Checkpoint, openCheckpoint } from "./checkpoint";
import { keysFor } from "./checkpoint_check";
import { type Bytes, same } from "./codec";
import type { Container } from "./container";
import { Refused } from "./errors";
import { CHECKPOINT, EARLY, MANIFEST, STAMPS } from "./layout";
import { parseHashes } from "./log_part";
import type { PackageManifest } from "./manifest";
import { MAX_NOTE_BYTES } from "./note";
import { type PackageReport, STAMPED } from "./report";
import type { RevocationList } from "./revocation";
import { packedLists } from "./signer_check";
import { notRevokedAt } from "./stamp_revocation";
import { type Token, checkData, expiresMs, readToken, renewalData, verifyToken } from "./timestamp";
import { verifyConsistency } from "./tree";
import type { Trusted } from "./trusted";

const OVER = new Map([["data/timestamps/checkpoint-", CHECKPOINT], ["timestamps/manifest-", MANIFEST]]);
const MAX_TOKEN_BYTES = 65_536;
const PART = /^(0|[1-9][0-9]{0,3})\/(data|[1-9][0-9]{0,3}\.tsr)$/;
const CODE = "timestamp-malformed";

export async function checkStamps(
  report: PackageReport, container: Container, opened: Checkpoint | null, trust: Trusted,
): Promise<void> {
  report.done.add(STAMPED);
  const stamps = new Stamps(trust.roots, trust.certified.lists);
  if (trust.roots.length) {
    await guarded(report, undefined, () => stamps.take(container));
  }
  const told: string[] = [];
  const names = [...container.below(STAMPS), ...container.below("timestamps/")];
  for (const path of names.filter((name) => !name.startsWith(EARLY))) {
    const over = [...OVER].find(([prefix]) => path.startsWith(prefix))?.[1] ?? "";
    await guarded(report, path, async () => {
      const token = readToken(await container.read(path, MAX_TOKEN_BYTES));
      await stamps.check(token, await container.read(over));
      told.push(`${path} ${token.at}`);
    });
  }
  if (container.below(EARLY).length && opened !== null) {
    await guarded(report, EARLY, async () => {
      told.push(...(await checkEarly(report, container, opened, trust, stamps)));
    });
  }
  report.stamps = told;
  if (trust.roots.length && told.length && !stamps.known) {
    report.limits.add("timestamp-revocation");
  }
  if (!names.length) {
    report.leave(STAMPED, "no-stamp");
  } else if (!trust.roots.length) {
    report.leave(STAMPED, "no-root");
  }
}

/** An algorithm that is not known here leaves the check unmade; everything else that is wrong is a finding. */
async function guarded(report: PackageReport, path: string | undefined, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (error instanceof NotHere) {
      report.leave(STAMPED, "stamp-algorithm");
    } else {
      report.caught(STAMPED, error, path === undefined ? {} : { path });
    }
  }
}

/** Roots of time-stamping authorities, and revocation lists of any authority. */
class Stamps {
  /** Turns false when revocation could not be looked at for a token. */
  known = true;

  constructor(private readonly roots: readonly Certificate[], private lists: readonly RevocationList[]) {}

  /** Lists in the package count too: they are signed. */
  async take(container: Container): Promise<void> {
    this.lists = [...this.lists, ...(await packedLists(container))];
  }

  async check(token: Token, data: Uint8Array): Promise<void> {
    checkData(token, data);
    if (this.roots.length) {
      const way = await verifyToken(token, this.roots);
      this.known = (await notRevokedAt(way, this.lists, token.atMs)) && this.known;
    }
  }
}

/** The stamped checkpoint is of this log and before the package's; its tokens and renewals are one line. */
async function checkEarly(
  report: PackageReport, container: Container, opened: Checkpoint, trust: Trusted, stamps: Stamps,
): Promise<string[]> {
  const { datas, generations } = await readEarly(container);
  const early = openCheckpoint(datas[0] as Bytes, await keysFor(container, trust), { origin: opened.origin });
  const hashes = parseHashes(await container.read(`${EARLY}consistency`));
  verifyConsistency(early.size, early.root, opened.size, opened.root, hashes);
  const told: string[] = [];
  const first: Token[] = [];
  let untilMs = Infinity;
  for (const [generation, raws] of generations.entries()) {
    const tokens = raws.map(readToken);
    for (const [at, token] of tokens.entries()) {
      await stamps.check(token, datas[generation] as Bytes);
      if (token.atMs >= untilMs) {
        throw new Refused("timestamp-lapsed", "the renewal came after the renewed token had expired");
      }
      told.push(`${EARLY}${generation}/${at + 1} ${token.at}`);
    }
    first.push(...(generation ? [] : tokens));
    untilMs = Math.max(...tokens.map(expiresMs));
  }
  report.earlySize = early.size;
  report.early = trust.roots.length ? first.reduce((one, two) => (two.at < one.at ? two : one)).at : "";
  return told;
}

/** The tokens of each generation, and what they must be over. */
async function readEarly(container: Container): Promise<{ datas: Bytes[]; generations: Bytes[][] }> {
  const datas = new Map<number, Bytes>();
  const counts = new Map<number, number>();
  for (const path of container.below(EARLY)) {
    const match = PART.exec(path.slice(EARLY.length));
    if (match === null && path !== `${EARLY}consistency`) {
      throw new Refused(CODE, `${path} is no part of a stamped checkpoint`);
    }
    const generation = Number(match?.[1]);
    if (match?.[2] === "data") {
      datas.set(generation, await container.read(path));
    } else if (match !== null) {
      counts.set(generation, (counts.get(generation) ?? 0) + 1);
    }
  }
  const numbers = [...datas.keys()].sort((one, two) => one - two);
  const whole = numbers.length === counts.size && numbers.every((number, at) => number === at && counts.has(number));
  if (!whole || !numbers.length) {
    throw new Refused(CODE, "a generation of the stamped checkpoint is not whole");
  }
  const note = datas.get(0) as Bytes;
  const generations: Bytes[][] = [];
  for (const generation of numbers) {
    const expected = generation ? renewalData(note, generations) : note.subarray(0, MAX_NOTE_BYTES);
    if (!same(datas.get(generation) as Bytes, expected)) {
      throw new Refused("timestamp-other", "a renewal is not over the tokens before it");
    }
    const raws: Bytes[] = [];
    for (let number = 1; number <= (counts.get(generation) as number); number++) {
      raws.push(await container.read(`${EARLY}${generation}/${number}.tsr`, MAX_TOKEN_BYTES));
    }
    generations.push(raws);
  }
  return { datas: numbers.map((number) => datas.get(number) as Bytes), generations };
}

/** What was stamped early must hold every segment of the package. */
export function checkEarlyCovers(report: PackageReport, manifest: PackageManifest): void {
  if (report.early && manifest.files.some((row) => row.index >= report.earlySize)) {
    report.early = "";
    report.find(STAMPED, "timestamp-late", "the early time stamp does not cover all footage of the package");
  }
}
