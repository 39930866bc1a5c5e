/*
 * What the page itself reads out of the package besides the engine's report: the rows of the manifest, the exporter's
 * findings of law, and the digest by which a printed report names the package. Only for showing: nothing is verified here,
 * and whatever has not the form that it should have is left out.
 */

import type { PackageSource } from "../engine/api";
import { memberBlobs } from "../engine/sources";
import type { Words } from "./words";

/** As much as the format allows for any file that is read whole. */
const MAX_DOCUMENT_BYTES = 64 << 20;
/** Findings that are read: a page with more is not read by anybody. */
export const MAX_LAW_FINDINGS = 2000;

export interface Row {
  readonly path: string;
  readonly stream: string;
  readonly number: number;
  readonly container: string;
  readonly codec: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface Article {
  readonly id: string;
  readonly text: Words;
  /** True for the law's own words. */
  readonly quoted: boolean;
}

export interface LawFinding {
  readonly code: string;
  readonly severity: string;
  readonly subjectKind: string;
  readonly subject: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly indexes: readonly number[];
  readonly text: Words;
  readonly articles: readonly Article[];
}

export interface Contents {
  readonly blobOf: (path: string) => Blob | undefined;
  readonly rows: readonly Row[];
  /** Null when the package has no such report, or one that cannot be read. */
  readonly law: readonly LawFinding[] | null;
  /** Findings of law that were not read because there were too many. */
  readonly lawLeftOut: number;
  readonly preparedUs: number;
  /** Hex SHA-256 of manifest-sha256.txt; empty when there is none. */
  readonly digest: string;
}

type Plain = Readonly<Record<string, unknown>>;

const plain = (value: unknown): Plain => (typeof value === "object" && value !== null ? (value as Plain) : {});
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const count = (value: unknown): number => (typeof value === "number" && Number.isSafeInteger(value) ? value : 0);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const both = (value: Plain): Words => ({ en: text(value["en"]), zh: text(value["zh"]) });

function row(value: unknown): Row {
  const found = plain(value);
  return {
    path: `data/${text(found["path"])}`, stream: text(found["stream"]), number: count(found["number"]),
    container: text(found["container"]), codec: text(found["codec"]), sha256: text(found["sha256"]),
    sizeBytes: count(found["size_bytes"]),
  };
}

function lawFinding(value: unknown): LawFinding {
  const found = plain(value);
  const subject = plain(found["subject"]);
  const period = list(found["period_us"]);
  return {
    code: text(found["code"]), severity: text(found["severity"]), subjectKind: text(subject["kind"]),
    subject: text(subject["name"]), fromUs: count(period[0]), toUs: count(period[1]),
    indexes: list(found["indexes"]).map(count), text: both(found),
    articles: list(found["articles"]).map(plain).map((one) => ({ id: text(one["id"]), text: both(one), quoted: one["quoted"] === true })),
  };
}

async function json(blob: Blob | undefined): Promise<unknown> {
  if (blob === undefined || blob.size > MAX_DOCUMENT_BYTES) {
    return null;
  }
  try {
    return JSON.parse(await blob.text()) as unknown;
  } catch {
    return null; // the engine has said so in check 1 or 2
  }
}

async function digestOf(blob: Blob | undefined): Promise<string> {
  if (blob === undefined || blob.size > MAX_DOCUMENT_BYTES) {
    return "";
  }
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return [...hash].map((one) => one.toString(16).padStart(2, "0")).join("");
}

const NOTHING: Contents = { blobOf: () => undefined, rows: [], law: null, lawLeftOut: 0, preparedUs: 0, digest: "" };

export async function readContents(source: PackageSource): Promise<Contents> {
  let blobOf: Contents["blobOf"];
  try {
    blobOf = await memberBlobs(source);
  } catch {
    return NOTHING; // a container that cannot be listed is a finding of check 1
  }
  const manifest = plain(await json(blobOf("data/manifest.json")));
  const law = await json(blobOf("data/reports/findings.json"));
  return {
    blobOf,
    rows: list(manifest["files"]).map(row),
    law: Array.isArray(law) ? law.slice(0, MAX_LAW_FINDINGS).map(lawFinding) : null,
    lawLeftOut: Array.isArray(law) ? Math.max(0, law.length - MAX_LAW_FINDINGS) : 0,
    preparedUs: count(manifest["prepared_us"]),
    digest: await digestOf(blobOf("manifest-sha256.txt")),
  };
}
