/*
 * Certificates: RFC 5280 as far as a chain to a given root needs it, and signatures by WebCrypto (Ed25519: signature.ts).
 * Nothing here asks anybody; revocation is known only from lists that are given (revocation.ts).
 */

import { type Bytes, concat, same } from "./codec";
import { BIT_STRING, BOOLEAN, Der, INTEGER, SEQUENCE, context } from "./der";
import { Refused } from "./errors";
import { pemBlocks } from "./pem";
import { ed25519Holds } from "./signature";

const CODE = "timestamp-malformed";
const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
const MAX_CHAIN = 8;

export interface Certificate {
  readonly raw: Bytes;
  readonly serial: bigint;
  /** Names as they stand in DER. */
  readonly issuer: Bytes;
  readonly subject: Bytes;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spki: Der;
  /** Signed part, algorithm, signature. */
  readonly tbs: Bytes;
  readonly algorithm: Der;
  readonly signature: Bytes;
  readonly isAuthority: boolean;
  /** True when its one extended use, marked critical, is time stamping (RFC 3161 section 2.3). */
  readonly stampsTime: boolean;
  /** True unless its key usage, where it has one, leaves out signatures. */
  readonly signs: boolean;
  readonly keyId: Bytes | null;
}

/** Why a signature cannot be checked here at all. */
export class NotHere extends Error {}

/** Refuses with `code` what is no certificate. */
export function readCertificate(data: Uint8Array, code = CODE): Certificate {
  const [tbs, algorithm, signature] = Der.read(data, code).sequence(3) as [Der, Der, Der];
  const fields = tbs.sequence(6);
  if (fields[0]?.tag === context(0)) {
    fields.shift();
  }
  const [serial, , issuer, validity, subject, spki, ...rest] = fields as [Der, Der, Der, Der, Der, Der, ...Der[]];
  const [from, to] = validity.sequence(2) as [Der, Der];
  const extensions = extensionsOf(rest.find((one) => one.tag === context(3)), code);
  const basic = extensions.get("2.5.29.19")?.value.sequence() ?? [];
  const uses = extensions.get("2.5.29.37");
  const usage = extensions.get("2.5.29.15")?.value;
  const keyId = extensions.get("2.5.29.14")?.value;
  return {
    raw: data.slice() as Bytes,
    serial: serial.integer(),
    issuer: issuer.raw,
    subject: subject.raw,
    notBeforeMs: from.time().ms,
    notAfterMs: to.time().ms,
    spki,
    tbs: tbs.raw,
    algorithm,
    signature: signature.is(BIT_STRING).bits(),
    isAuthority: basic[0]?.tag === BOOLEAN && basic[0].content[0] === 0xff,
    stampsTime: uses !== undefined && uses.critical && uses.value.sequence().map((one) => one.oid()).join() === TIME_STAMPING,
    signs: usage === undefined || ((usage.is(BIT_STRING).content[1] ?? 0) & 0xc0) !== 0,
    keyId: keyId?.content ?? null,
  };
}

function extensionsOf(found: Der | undefined, code: string): Map<string, { critical: boolean; value: Der }> {
  const extensions = new Map<string, { critical: boolean; value: Der }>();
  for (const one of found?.explicit(context(3)).sequence() ?? []) {
    const [id, ...rest] = one.sequence(2) as [Der, ...Der[]];
    const value = rest.at(-1) as Der;
    extensions.set(id.oid(), {
      critical: rest.length === 2 && rest[0]?.content[0] === 0xff,
      value: Der.read(value.content, code),
    });
  }
  return extensions;
}

/** Every certificate of a PEM file; at least one. */
export function readCertificates(found: string, code = "trust-unusable"): Certificate[] {
  const certificates = pemBlocks(found, "CERTIFICATE", code).map((one) => readCertificate(one, code));
  if (!certificates.length) {
    throw new Refused(code, "there are no certificates in PEM in the text");
  }
  return certificates;
}

/** A way from `leaf` over `others` to one of `roots`, all valid at `atMs`, each signed by the next, as pairs of certificate and issuer; else `timestamp-signature`. */
export async function verifyChain(
  leaf: Certificate, others: readonly Certificate[], roots: readonly Certificate[], atMs: number,
): Promise<[Certificate, Certificate][]> {
  const way: [Certificate, Certificate][] = [];
  let current = leaf;
  for (let length = 0; length < MAX_CHAIN; length++) {
    if (atMs < current.notBeforeMs || atMs > current.notAfterMs) {
      break;
    }
    if (roots.some((root) => same(root.raw, current.raw))) {
      return way;
    }
    const above = [...roots, ...others].filter((one) => one.isAuthority && same(one.subject, current.issuer) && !same(one.raw, current.raw));
    let signed: Certificate | undefined;
    for (const one of above) {
      if (signed === undefined && (await signatureHolds(one.spki, current.algorithm, null, current.signature, current.tbs))) {
        signed = one;
      }
    }
    if (signed === undefined) {
      break;
    }
    way.push([current, signed]);
    current = signed;
  }
  throw new Refused("timestamp-signature", "the time stamp's certificate does not lead to a given root at that time");
}

export const HASHES: ReadonlyMap<string, string> = new Map([
  ["2.16.840.1.101.3.4.2.1", "SHA-256"], ["2.16.840.1.101.3.4.2.2", "SHA-384"], ["2.16.840.1.101.3.4.2.3", "SHA-512"],
]);
const RSA = new Map([["1.2.840.113549.1.1.11", "SHA-256"], ["1.2.840.113549.1.1.12", "SHA-384"], ["1.2.840.113549.1.1.13", "SHA-512"]]);
const ECDSA = new Map([["1.2.840.10045.4.3.2", "SHA-256"], ["1.2.840.10045.4.3.3", "SHA-384"], ["1.2.840.10045.4.3.4", "SHA-512"]]);
const ED25519 = "1.3.101.112";
const CURVES = new Map([["1.2.840.10045.3.1.7", "P-256"], ["1.3.132.0.34", "P-384"], ["1.3.132.0.35", "P-521"]]);
const CURVE_BYTES = new Map([["P-256", 32], ["P-384", 48], ["P-521", 66]]);

/** `hash`: the digest algorithm that stands elsewhere, for a signature algorithm that names none. Throws NotHere. */
export async function signatureHolds(
  spki: Der, algorithm: Der, hash: string | null, signature: Bytes, message: Bytes,
): Promise<boolean> {
  const id = (algorithm.sequence(1)[0] as Der).oid();
  const [keyAlgorithm, keyBits] = spki.sequence(2) as [Der, Der];
  if (id === ED25519 && (keyAlgorithm.sequence(1)[0] as Der).oid() === ED25519) {
    const key = keyBits.bits();
    return key.length === 32 && signature.length === 64 && ed25519Holds(key, signature, message);
  }
  if (globalThis.crypto?.subtle === undefined) {
    throw new NotHere("no WebCrypto");
  }
  const [keyId, parameter] = keyAlgorithm.sequence(1) as [Der, Der | undefined];
  const rsaHash = id === "1.2.840.113549.1.1.1" ? hash : RSA.get(id);
  const ecHash = ECDSA.get(id);
  const bytes = new Uint8Array(spki.raw);
  try {
    if (keyId.oid() === "1.2.840.113549.1.1.1" && rsaHash) {
      const form = { name: "RSASSA-PKCS1-v1_5", hash: rsaHash };
      const key = await crypto.subtle.importKey("spki", bytes, form, false, ["verify"]);
      return await crypto.subtle.verify(form, key, signature, message);
    }
    const curve = parameter ? CURVES.get(parameter.oid()) : undefined;
    if (keyId.oid() === "1.2.840.10045.2.1" && curve && ecHash) {
      const key = await crypto.subtle.importKey("spki", bytes, { name: "ECDSA", namedCurve: curve }, false, ["verify"]);
      const flat = flatSignature(signature, CURVE_BYTES.get(curve) as number);
      return flat !== null && (await crypto.subtle.verify({ name: "ECDSA", hash: ecHash }, key, flat, message));
    }
  } catch (error) {
    if (error instanceof Refused) {
      throw error;
    }
    return false; // a key that WebCrypto does not take
  }
  throw new NotHere(`the signature algorithm ${id} is not known here`);
}

/** r and s of a DER ECDSA signature, each of the curve's length; null when it is none. */
function flatSignature(signature: Uint8Array, length: number): Bytes | null {
  try {
    const halves = Der.read(signature, CODE).is(SEQUENCE).members.map((one) => one.is(INTEGER).integer());
    const [r, s] = halves;
    if (halves.length !== 2 || r === undefined || s === undefined || r <= 0n || s <= 0n) {
      return null;
    }
    const half = (value: bigint) => {
      const text = value.toString(16).padStart(2 * length, "0");
      return text.length === 2 * length ? Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16)) : null;
    };
    const [left, right] = [half(r), half(s)];
    return left && right ? concat(left, right) : null;
  } catch {
    return null;
  }
}
