/* Revocation lists: RFC 5280 section 5 as far as exporters' certificates and time-stamping authorities need it. */

import { type Certificate, signatureHolds } from "./certificate";
import { type Bytes, same } from "./codec";
import { Der, GENERALIZED_TIME, SEQUENCE, UTC_TIME } from "./der";
import { Refused } from "./errors";
import { pemBlocks } from "./pem";

const REASON_CODE = "2.5.29.21";

export interface Revoked {
  readonly atMs: number;
  /** CRLReason; null where the list gives none. */
  readonly reason: number | null;
}

export interface RevocationList {
  readonly issuer: Bytes;
  /** Infinity where it names none. */
  readonly nextMs: number;
  readonly revoked: ReadonlyMap<bigint, Revoked>;
  readonly tbs: Bytes;
  readonly algorithm: Der;
  readonly signature: Bytes;
}

/** Revocation lists in PEM, at least one. */
export function readLists(found: string, code: string): RevocationList[] {
  const lists = pemBlocks(found, "X509 CRL", code).map((one) => readList(one, code));
  if (!lists.length) {
    throw new Refused(code, "not a revocation list in PEM");
  }
  return lists;
}

function readList(data: Uint8Array, code: string): RevocationList {
  const [tbs, algorithm, signature] = Der.read(data, code).sequence(3) as [Der, Der, Der];
  const fields = tbs.sequence(3);
  if (fields[0]?.tag === 0x02) {
    fields.shift();
  }
  const [, issuer, , ...rest] = fields as [Der, Der, Der, ...Der[]];
  const next = rest[0]?.tag === UTC_TIME || rest[0]?.tag === GENERALIZED_TIME ? rest.shift() : undefined;
  const rows = rest[0]?.tag === SEQUENCE ? rest[0].members : [];
  const revoked = rows.map((row) => {
    const [serial, at, extensions] = row.sequence(2) as [Der, Der, Der | undefined];
    return [serial.integer(), { atMs: at.time().ms, reason: reasonOf(extensions, code) }] as const;
  });
  return {
    issuer: issuer.raw, nextMs: next?.time().ms ?? Infinity, revoked: new Map(revoked), tbs: tbs.raw, algorithm,
    signature: signature.bits(),
  };
}

function reasonOf(extensions: Der | undefined, code: string): number | null {
  for (const one of extensions?.sequence() ?? []) {
    const parts = one.sequence(2);
    if (parts[0]?.oid() === REASON_CODE) {
      return Der.read((parts.at(-1) as Der).content, code).content[0] ?? null;
    }
  }
  return null;
}

/** What the issuer's lists say of a certificate, and whether one of them was made after `atMs` or still good then. */
export async function listed(
  certificate: Certificate, issuer: Certificate, lists: readonly RevocationList[], atMs: number,
): Promise<{ readonly rows: readonly Revoked[]; readonly known: boolean }> {
  const found = await listsOf(issuer, lists);
  const rows = found.map((one) => one.revoked.get(certificate.serial)).filter((row) => row !== undefined);
  return { rows, known: found.some((one) => one.nextMs >= atMs) };
}

/** Those that this issuer signed, whoever brought them. */
async function listsOf(issuer: Certificate, lists: readonly RevocationList[]): Promise<RevocationList[]> {
  const found: RevocationList[] = [];
  for (const one of lists.filter((list) => same(list.issuer, issuer.subject))) {
    if (await signatureHolds(issuer.spki, one.algorithm, null, one.signature, one.tbs)) {
      found.push(one);
    }
  }
  return found;
}
