/* The result of checking a package: numbered checks, findings, and what could not be checked (docs/spec/verification.md). */

import { type BroughtFile, type Check, type DerivedCopy, type Finding, type Limit, REASONS, type Report, type Status, type Timeline } from "./api";
import { Refused } from "./errors";

export const FORM = 1;
export const BAG = 2;
export const SIGNATURES = 3;
export const GROWTH = 4;
export const ENTRIES = 5;
export const CHAINS = 6;
export const HEADS = 7;
export const SEGMENTS = 8;
export const PROOF_FILES = 9;
export const EXPORT = 10;
export const SIGNER = 11;
export const DISCLOSED = 12;
export const STAMPED = 13;
export const BROUGHT = 14;
export const SEALS = 15;

/** Checks that need something which not every package or reader has: left out, they are named beside the verdict. */
const OPTIONAL: readonly number[] = [GROWTH, PROOF_FILES, STAMPED, BROUGHT, SEALS];
/** Findings of one code that are kept; the rest is counted. */
const MAX_OF_ONE_CODE = 20;

const NAMES = [
  "form of the package", "every file as it was packed", "signatures of the checkpoint", "growth from an earlier checkpoint",
  "every entry, read strictly", "every chain, proven to be in the log", "complete up to the closing heads snapshot",
  "footage, manifest and records agree", "a proof file for each segment", "the export itself is recorded",
  "signature over the package", "disclosures given and withheld", "time stamps", "footage brought separately",
  "seals of the sources",
] as const;

export type Reason = keyof typeof REASONS;

/** What a finding touches. */
export interface Place {
  readonly path?: string;
  readonly index?: bigint;
}

/** Filled by the checks as they go; one owner until `told`. */
export class PackageReport {
  private readonly unchecked = new Map<number, { readonly code: Reason; readonly count: number }>();
  /** Numbers of the checks that were made. */
  readonly done = new Set<number>();
  /** Checks that the reader brought something for: they count, though they are among OPTIONAL. */
  readonly demanded = new Set<number>();
  /** Whose certificates were not held against a revocation list. */
  readonly limits = new Set<Limit>();
  log = "";
  caseNumber = "";
  recipient = "";
  size = 0n;
  files = 0;
  absent = 0;
  footageBytes = 0n;
  entries = 0;
  trust: Report["trust"] = "none";
  keys: readonly string[] = [];
  cosigners: readonly string[] = [];
  signers: readonly string[] = [];
  stamps: readonly string[] = [];
  /** Size of the early stamped checkpoint, and by when the footage was recorded as its verified tokens say. */
  earlySize = 0n;
  early = "";
  derived: readonly DerivedCopy[] = [];
  sealed = 0;
  brought: readonly BroughtFile[] = [];
  private readonly findings: Finding[] = [];
  private readonly counts = new Map<string, number>();
  private readonly blamed = new Set<number>();

  constructor(private readonly path: string) {}

  find(check: number, code: string, message: string, place: Place = {}): void {
    const seen = this.counts.get(code) ?? 0;
    this.counts.set(code, seen + 1);
    this.blamed.add(check);
    if (seen < MAX_OF_ONE_CODE) {
      const index = place.index === undefined ? {} : { index: Number(place.index) };
      const path = place.path === undefined ? {} : { path: place.path };
      this.findings.push({ code, check, severity: "finding", message, ...index, ...path });
    }
  }

  /** A check that could not be made, and why. */
  leave(check: number, code: Reason, count = 0): void {
    this.unchecked.set(check, { code, count });
  }

  /** A check that was left before and could be made after all. */
  taken(check: number): void {
    this.unchecked.delete(check);
  }

  left(check: number): boolean {
    return this.unchecked.has(check);
  }

  /** An error of a parser or a verification as a finding; anything else is a fault of ours and goes on. */
  caught(check: number, error: unknown, place: Place = {}): void {
    if (!(error instanceof Refused)) {
      throw error;
    }
    this.find(check, error.code, error.message, place);
  }

  blames(check: number): boolean {
    return this.blamed.has(check);
  }

  told(timeline: Timeline): Report {
    const checks = NAMES.map((_, at) => this.check(at + 1));
    const optional = OPTIONAL.filter((one) => !this.demanded.has(one));
    const verdict: Status = this.blamed.size
      ? "findings"
      : checks.some((one) => one.status === "not-checked" && !optional.includes(one.number)) ? "not-checked" : "fine";
    const omitted = [...this.counts].filter(([, count]) => count > MAX_OF_ONE_CODE);
    return {
      schema: "custody.verify-package/1",
      verdict,
      exit_status: verdict === "fine" ? 0 : verdict === "findings" ? 1 : 2,
      package: this.path,
      log: { origin: this.log, size: Number(this.size) },
      case_number: this.caseNumber,
      recipient: this.recipient,
      trust: this.trust,
      keys: this.keys,
      cosigners: this.cosigners,
      signers: this.signers,
      time_stamps: this.stamps,
      recorded_before: this.early,
      sealed: this.sealed,
      derived: this.derived,
      limits: [...this.limits].sort(),
      files: this.files,
      absent: this.absent,
      footage_bytes: Number(this.footageBytes),
      entries: this.entries,
      footage: this.brought,
      checks,
      not_checked: checks.filter((one) => one.status === "not-checked").map((one) => one.number),
      optional,
      findings: this.findings,
      omitted: Object.fromEntries(omitted.map(([code, count]) => [code, count - MAX_OF_ONE_CODE])),
      timeline,
    };
  }

  private check(number: number): Check {
    const name = NAMES[number - 1] as string;
    if (this.blamed.has(number)) {
      return { number, name, status: "findings" };
    }
    if (this.unchecked.has(number) || !this.done.has(number)) {
      const { code, count } = this.unchecked.get(number) ?? { code: "nothing-to-hold", count: 0 };
      const reason = REASONS[code].replace("{count}", String(count));
      return { number, name, status: "not-checked", reason, reason_code: code };
    }
    return { number, name, status: "fine" };
  }
}
