/*
 * What the page and the engine say to one another: the only file of the engine that the page needs to know.
 *
 * The engine is a second implementation of `custody verify package` (docs/spec/verification.md, "verify package"), written
 * from docs/spec alone. It touches no network and no DOM. `verifyPackage` is in client.ts; it runs engine/worker.ts in a
 * worker made of a blob, which works from file:// too.
 *
 * How it is built (build script): bundle engine/worker.ts as an IIFE, and put the text into the page's bundle through
 * esbuild's `define`: { ENGINE_WORKER: JSON.stringify(text) }. The Content-Security-Policy needs
 * `worker-src blob:; script-src ... 'wasm-unsafe-eval'` (WebAssembly is how files above 256 MiB are hashed; without it
 * the engine falls back to plain script).
 */

/** A file of a package with its path inside the package: `data/manifest.json`, without the outermost folder. */
export interface SourceFile {
  readonly path: string;
  readonly file: Blob;
}

/** A package as the reader hands it over. Plain data, so that it can be sent to a worker. See sources.ts for the makers. */
export type PackageSource =
  | { readonly kind: "zip"; readonly name: string; readonly file: Blob }
  | { readonly kind: "folder"; readonly name: string; readonly files: readonly SourceFile[] };

/** What the reader trusts and brings; each text as it stands in its file. All empty: trust `package`, which is much weaker. */
export interface Trust {
  /** vkeys of the log, one a line, `#` begins a comment: `--trust`. */
  readonly keys?: string;
  /** C2SP tlog-policy: `--trust`. Not together with `keys`. */
  readonly policy?: string;
  /** Public keys in PEM, any number behind one another: `--exporter-key`. */
  readonly exporterKeys?: string;
  /** Certificates in PEM of authorities of exporters' certificates: `--exporter-ca`. */
  readonly exporterAuthorities?: string;
  /** Their revocation lists in PEM: `--crl`. */
  readonly revocationLists?: string;
  /** Certificates in PEM: `--tsa-root`. */
  readonly tsaRoots?: string;
  /** A signed checkpoint that the reader holds: `--since`. */
  readonly since?: string;
  /** Footage that a party brings: `--footage`. */
  readonly footage?: readonly SourceFile[];
}

export type Status = "fine" | "findings" | "not-checked";

export interface Check {
  /** 1 to 15 (docs/spec/verification.md). */
  readonly number: number;
  /** English name; the page has its own words in both languages by number. */
  readonly name: string;
  readonly status: Status;
  /** Why it was not made; English. */
  readonly reason?: string;
  /** Stable key of the reason, for translation: see REASONS. Only in the web verifier. */
  readonly reason_code?: string;
}

export interface Finding {
  /** Stable: docs/spec/errors.md and docs/spec/verification.md. */
  readonly code: string;
  readonly check: number;
  readonly severity: "finding" | "info";
  readonly message: string;
  readonly index?: number;
  readonly chain?: string;
  readonly size?: number;
  readonly path?: string;
}

/** A copy in which something was made unrecognisable; `given`: the segments that it was made of are in the package. */
export interface DerivedCopy {
  readonly path: string;
  readonly index: number;
  readonly transform: string;
  readonly tool: string;
  readonly sources: readonly { stream: string; first: number; last: number; given: boolean }[];
}

export interface BroughtFile {
  readonly path: string;
  /** `not-compared`: not identical, and a browser does not read its coded pictures (`custody verify package --footage` does). */
  readonly state: "identical" | "derived" | "unknown" | "unreadable" | "not-compared";
  readonly ranges: readonly { stream: string; number: number; first_unit: number; units: number }[];
}

/** What was not looked at though its check was made, because nobody brought what it needs. */
export type Limit = "exporter-revocation" | "timestamp-revocation";

/** What `custody verify package --json` prints, and `timeline`. */
export interface Report {
  readonly schema: "custody.verify-package/1";
  readonly verdict: Status;
  readonly exit_status: 0 | 1 | 2;
  readonly package: string;
  readonly log: { readonly origin: string; readonly size: number };
  readonly case_number: string;
  readonly recipient: string;
  readonly trust: "key" | "policy" | "package" | "none";
  readonly keys: readonly string[];
  readonly cosigners: readonly string[];
  /** Hex SHA-256 of the keys whose signatures over the package are good, and in brackets why they count. */
  readonly signers: readonly string[];
  /** `<path> <ISO time>`. */
  readonly time_stamps: readonly string[];
  /** By when all footage was recorded, as the earliest verified time stamp says; ISO 8601, or empty. */
  readonly recorded_before: string;
  /** Entries with a good seal of their source. */
  readonly sealed: number;
  readonly derived: readonly DerivedCopy[];
  readonly limits: readonly Limit[];
  readonly files: number;
  readonly absent: number;
  readonly footage_bytes: number;
  readonly entries: number;
  readonly footage: readonly BroughtFile[];
  readonly checks: readonly Check[];
  readonly not_checked: readonly number[];
  readonly optional: readonly number[];
  readonly findings: readonly Finding[];
  readonly omitted: Readonly<Record<string, number>>;
  readonly timeline: Timeline;
}

/** Times are microseconds since 1970 UTC, periods half open. Told by the entries of the package; as good as the verdict is. */
export interface Timeline {
  /** Offset for local times, like `+08:00`; empty when there is no manifest. */
  readonly zone: string;
  readonly streams: readonly StreamLine[];
  /** True when there was more than can be shown (50,000 items in all). */
  readonly truncated: boolean;
}

export interface StreamLine {
  readonly stream: string;
  /** The period that was exported. */
  readonly from_us: number;
  readonly to_us: number;
  readonly segments: readonly SegmentItem[];
  readonly gaps: readonly GapItem[];
  /** Accesses, exports, disposals, holds, faults and the other custody facts, in the order of the log. */
  readonly events: readonly EventItem[];
}

export interface SegmentItem {
  readonly number: number;
  readonly index: number;
  readonly from_us: number;
  readonly to_us: number;
  readonly size_bytes: number;
  /** Path of the file in the package (`data/footage/...`); empty when it is absent or lies outside the period. */
  readonly path: string;
  /** `margin`: recorded outside the period, so not in the package. */
  readonly state: "good" | "altered" | "missing" | "absent" | "margin";
}

export interface GapItem {
  readonly index: number;
  readonly from_us: number;
  readonly to_us: number;
  /** Name of GapReason without its prefix, lower case: `camera_offline`. */
  readonly reason: string;
}

export interface EventItem {
  /** Kind of record: `access`, `package_exported`, `disposal`, `hold_placed`, ... */
  readonly kind: string;
  readonly index: number;
  readonly at_us: number;
  /** The footage of this stream that it is about, where it names any; else the time that it tells of. */
  readonly from_us: number;
  readonly to_us: number;
  readonly submitter: string;
  /** Of an access: `view`, `consult`, `retrieve`, `copy`, `provide`, `publish`; else empty. */
  readonly act: string;
  /** Case number, recipient, reference: what the record has in clear. */
  readonly case_number: string;
  readonly recipient: string;
}

export interface Progress {
  readonly stage: "hashing" | "entries" | "checks";
  readonly done: number;
  readonly total: number;
}

export interface VerifyOptions {
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the workers; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Rejected promises of the engine carry this; anything wrong *in* the package is a finding, never an error. */
export interface EngineError extends Error {
  /** `trust-unusable` and codes of its parsers; `package-none`; `package-unreadable`; `engine-failed`. */
  readonly code: string;
}

/** Keys of `Check.reason_code` with the English text. */
export const REASONS = {
  "nothing-to-hold": "an earlier check left nothing to hold it against",
  "keys-from-package": "KEYS FROM THE PACKAGE ITSELF: whoever made the package chose them; give --trust",
  "no-growth-since": "the package proves growth from no checkpoint; ask for one exported with --since",
  "no-earlier": "the package has no earlier checkpoint",
  "growth-other": "the package proves growth from another checkpoint than the given one",
  "no-proof-files": "the package has no proof files; the slices prove the same",
  "signer-only-here": "the signer's key stands only in the package: give it with --exporter-key",
  "signer-algorithm": "a browser cannot check this exporter's certificate: use custody verify package",
  "no-stamp": "the package has no time stamp",
  "no-root": "no root of a time-stamping authority was given: --tsa-root",
  "stamp-algorithm": "a browser cannot check the signature of this time stamp: use custody verify package",
  "no-seal": "no entry of the package is sealed by its source",
  "seals-partial": "{count} seals cover entries that are not in the package",
  "nothing-brought": "no footage was brought",
  "footage-unproven": "the package's own footage is not proven, so nothing can be held against it",
  "footage-not-compared": "a browser does not compare coded pictures: use custody verify package --footage",
} as const;

/*
 * client.ts:   export function verifyPackage(source: PackageSource, trust: Trust, options?: VerifyOptions): Promise<Report>
 * sources.ts:  export function fromZip(file: File): PackageSource
 *              export function fromFolder(files: Iterable<SourceFile>, name?: string): PackageSource   (paths with or
 *                without the outermost folder, as webkitRelativePath gives them)
 *              export function memberBlobs(source: PackageSource): Promise<(path: string) => Blob | undefined>
 *                the bytes of a member, e.g. for a <video>; reads nothing but the directory
 */
