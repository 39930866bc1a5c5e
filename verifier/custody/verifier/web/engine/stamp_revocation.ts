/*
 * Whether a time-stamping authority's certificate was revoked: RFC 3161 section 4. A token outlives a revocation only where the
 * list gives a reason that leaves the key unharmed, and only when it is older.
 */

import type { Certificate } from "./certificate";
import { Refused } from "./errors";
import { nameOf } from "./exporter_certificate";
import { type RevocationList, type Revoked, listed } from "./revocation";

/** Unspecified, affiliation changed, superseded, cessation of operation. */
const HARMLESS: ReadonlySet<number | null> = new Set([0, 3, 4, 5]);

/** `way`: each certificate with its issuer, from the one that signed up to a root. True when each issuer has a list that was still good. */
export async function notRevokedAt(
  way: readonly (readonly [Certificate, Certificate])[], lists: readonly RevocationList[], atMs: number,
): Promise<boolean> {
  let known = true;
  for (const [certificate, issuer] of way) {
    const told = await listed(certificate, issuer, lists, atMs);
    if (told.rows.some((row) => voids(row, atMs))) {
      throw new Refused("timestamp-revoked", `${nameOf(certificate)} was revoked, and the time stamp with it`);
    }
    known &&= told.known;
  }
  return known;
}

function voids(row: Revoked, atMs: number): boolean {
  return row.atMs <= atMs || !HARMLESS.has(row.reason);
}
