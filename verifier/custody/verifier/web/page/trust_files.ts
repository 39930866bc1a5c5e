/* Tells what a file of trust is by what stands in it, so that the reader need not know: keys, policy, PEM, checkpoint. */

import type { Trust } from "../engine/api";
import { type Words, words } from "./words";

export type TrustKind = "keys" | "policy" | "exporterKeys" | "exporterAuthorities" | "revocationLists" | "tsaRoots" | "since";

export const TRUST_KINDS: Readonly<Record<TrustKind, Words>> = {
  keys: words("key of the log", "日志公钥"),
  policy: words("trust policy: log and witnesses", "信任策略：日志与见证人"),
  exporterKeys: words("public key of an exporter", "导出人公钥"),
  exporterAuthorities: words("certificate of an authority for exporters", "导出人证书签发机构的证书"),
  revocationLists: words("revocation list of such an authority", "该机构的证书吊销列表"),
  tsaRoots: words("root certificate of a time-stamping authority", "时间戳机构根证书"),
  since: words("a checkpoint that you hold", "您持有的检查点"),
};

/** As much as any of these files has; more is not one of them. */
export const MAX_TRUST_BYTES = 1 << 20;

/**
 * Null when the text is none of them, or several. A certificate does not say what the reader trusts it for: it counts
 * for time stamps until the reader says otherwise (`otherUse`), never for both unasked.
 */
export function kindOf(text: string): TrustKind | null {
  if (text.includes("-----BEGIN X509 CRL-----")) {
    return text.includes("-----BEGIN CERTIFICATE-----") ? null : "revocationLists";
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) {
    return "tsaRoots";
  }
  if (text.includes("-----BEGIN PUBLIC KEY-----")) {
    return "exporterKeys";
  }
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  if (text.includes("\n\n— ")) {
    return "since";
  }
  if (lines.some((line) => /^(log|quorum)\s/.test(line))) {
    return "policy";
  }
  return lines.length > 0 && lines.every((line) => /^[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/.test(line)) ? "keys" : null;
}

/** What else a file of this kind can be given for. */
export function otherUse(kind: TrustKind): TrustKind | null {
  return kind === "tsaRoots" ? "exporterAuthorities" : kind === "exporterAuthorities" ? "tsaRoots" : null;
}

export interface TrustFile {
  readonly name: string;
  readonly kind: TrustKind;
  readonly text: string;
}

/** Files of one kind are put behind one another; of checkpoints the last one counts. */
export function trustOf(files: readonly TrustFile[]): Trust {
  const found: { -readonly [kind in TrustKind]?: string } = {};
  for (const { kind, text } of files) {
    const before = kind === "since" ? undefined : found[kind];
    found[kind] = before === undefined ? text : `${before.trimEnd()}\n${text}`;
  }
  return found;
}
