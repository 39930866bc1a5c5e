/*
 * Exporters' certificates: a chain to a given authority, valid when the package was signed, not revoked then. What is checked of
 * RFC 5280: names and signatures along the chain, validity and basic constraints at the moment of signing, key usage of the key's
 * own certificate, and the lists of every issuer of whom one is at hand. Without one revocation is not known, and is said so.
 */

import { type Certificate, readCertificates, signatureHolds } from "./certificate";
import { hex, octets, same, text } from "./codec";
import { Der } from "./der";
import { Refused } from "./errors";
import type { ExporterKey } from "./public_key";
import { type RevocationList, listed } from "./revocation";

const MAX_CHAIN = 5;
const MAX_NAME_CHARS = 200;
const CODE = "exporter-certificate";

export interface CertificateTrust {
  readonly authorities: readonly Certificate[];
  readonly lists: readonly RevocationList[];
}

/** Whose key it is, and whether revocation could be looked at for the whole chain. */
export interface Certified {
  readonly subject: string;
  readonly revocationKnown: boolean;
}

/** Certificates in PEM, the key's own first. */
export function readChain(found: string): Certificate[] {
  const chain = readCertificates(found, CODE);
  if (chain.length > MAX_CHAIN) {
    throw new Refused(CODE, `a chain has at most ${MAX_CHAIN} certificates`);
  }
  return chain;
}

/** Follows the chain of `key` to an authority; says whose key it is. `exporter-certificate`, `exporter-revoked`. */
export async function checkCertificate(
  key: ExporterKey, chain: readonly Certificate[], trust: CertificateTrust, atMs: number,
): Promise<Certified> {
  const leaf = chain[0] as Certificate;
  if (!same(leaf.spki.raw, key.spki)) {
    throw new Refused(CODE, "the certificate is of another key");
  }
  if (!leaf.signs) {
    throw new Refused(CODE, "the certificate is not for signatures");
  }
  let known = true;
  for (const [place, certificate] of chain.entries()) {
    checkValid(certificate, atMs);
    const root = await firstIssuer(trust.authorities, certificate);
    const issuer = root ?? (await firstIssuer(chain.slice(place + 1, place + 2), certificate));
    if (issuer === undefined) {
      throw new Refused(CODE, `${nameOf(certificate)} was not issued by a given authority`);
    }
    known = (await notRevoked(certificate, issuer, trust.lists, atMs)) && known;
    if (root !== undefined) {
      checkValid(root, atMs);
      return { subject: nameOf(leaf), revocationKnown: known };
    }
  }
  throw new Refused(CODE, "the chain leads to no given authority");
}

function checkValid(certificate: Certificate, atMs: number): void {
  if (atMs < certificate.notBeforeMs || atMs > certificate.notAfterMs) {
    throw new Refused(CODE, `${nameOf(certificate)} was not valid when the package was signed`);
  }
}

/** The first that may and did sign this certificate. */
async function firstIssuer(issuers: readonly Certificate[], certificate: Certificate): Promise<Certificate | undefined> {
  for (const one of issuers.filter((issuer) => issuer.isAuthority && same(issuer.subject, certificate.issuer))) {
    if (await signatureHolds(one.spki, certificate.algorithm, null, certificate.signature, certificate.tbs)) {
      return one;
    }
  }
  return undefined;
}

/** True when a list of the issuer, still good at the signing, does not have it revoked by then; false: no such list. */
async function notRevoked(
  certificate: Certificate, issuer: Certificate, lists: readonly RevocationList[], atMs: number,
): Promise<boolean> {
  const { rows, known } = await listed(certificate, issuer, lists, atMs);
  if (rows.some((row) => row.atMs <= atMs)) {
    throw new Refused("exporter-revoked", `${nameOf(certificate)} was revoked before the package was signed`);
  }
  return known;
}

const ATTRIBUTES = new Map([
  ["2.5.4.3", "CN"], ["2.5.4.7", "L"], ["2.5.4.8", "ST"], ["2.5.4.10", "O"], ["2.5.4.11", "OU"], ["2.5.4.6", "C"],
  ["2.5.4.9", "STREET"], ["0.9.2342.19200300.100.1.25", "DC"], ["0.9.2342.19200300.100.1.1", "UID"],
]);

/** The subject as RFC 4514 writes it: the last part first. */
export function nameOf(certificate: Certificate): string {
  const parts = Der.read(certificate.subject, CODE).sequence().map((part) =>
    part.members.map((one) => {
      const [type, value] = one.sequence(2) as [Der, Der];
      return `${ATTRIBUTES.get(type.oid()) ?? type.oid()}=${escaped(textOf(value))}`;
    }).join("+"),
  );
  return parts.reverse().join(",").slice(0, MAX_NAME_CHARS);
}

function textOf(value: Der): string {
  switch (value.tag) {
    case 0x0c:
      return text(value.content, CODE);
    case 0x13:
    case 0x16:
      return octets(value.content);
    default:
      return `#${hex(value.raw)}`;
  }
}

function escaped(found: string): string {
  return found.replace(/[\\,+"<>;]/g, "\\$&").replace(/^[# ]/, "\\$&").replace(/ $/, "\\ ");
}
