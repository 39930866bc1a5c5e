/* RFC 3161 time-stamp tokens: the form, over what they are, and with given roots the signature (RFC 5652 section 5.4). */

import { sha384, sha512 } from "@noble/hashes/sha2.js";
import { type Certificate, HASHES, readCertificate, signatureHolds, verifyChain } from "./certificate";
import { type Bytes, concat, same, utf8 } from "./codec";
import { Der, OCTET_STRING, SEQUENCE, SET, context } from "./der";
import { Refused } from "./errors";
import { sha256 } from "./hash";

const CODE = "timestamp-malformed";
const SIGNED_DATA = "1.2.840.113549.1.7.2";
const TST_INFO = "1.2.840.113549.1.9.16.1.4";
const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
const SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47";
const SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12";

export interface Token {
  /** ISO 8601 as the report writes it. */
  readonly at: string;
  readonly atMs: number;
  readonly nonce: bigint | null;
  readonly hash: string;
  readonly imprint: Bytes;
  readonly info: Bytes;
  readonly certificates: readonly Certificate[];
  readonly signer: Der;
}

/** Reads a TimeStampResp that grants a token; nothing about its signer is known yet. */
export function readToken(raw: Uint8Array): Token {
  const [status, content] = Der.read(raw, CODE).sequence(1) as [Der, Der | undefined];
  const granted = (status.sequence(1)[0] as Der).integer();
  if ((granted !== 0n && granted !== 1n) || content === undefined) {
    throw new Refused(CODE, "the authority granted no time stamp");
  }
  const [type, wrapped] = content.sequence(2) as [Der, Der];
  if (type.oid() !== SIGNED_DATA) {
    throw new Refused(CODE, "the token is not signed data");
  }
  const [, , inner, ...rest] = wrapped.explicit(context(0)).sequence(4) as [Der, Der, Der, ...Der[]];
  const [innerType, octetString] = inner.sequence(2) as [Der, Der];
  const signers = rest.at(-1)?.is(SET).members ?? [];
  if (innerType.oid() !== TST_INFO || signers.length !== 1) {
    throw new Refused(CODE, "the token does not hold one signed time");
  }
  const info = octetString.explicit(context(0)).is(OCTET_STRING).content;
  const certificates = rest.find((one) => one.tag === context(0))?.members ?? [];
  return {
    ...readInfo(info),
    info,
    certificates: certificates.filter((one) => one.tag === SEQUENCE).map((one) => readCertificate(one.raw)),
    signer: signers[0] as Der,
  };
}

function readInfo(info: Bytes): Pick<Token, "at" | "atMs" | "nonce" | "hash" | "imprint"> {
  const [version, policy, imprint, serial, time, ...rest] = Der.read(info, CODE).sequence(5) as [Der, Der, Der, Der, Der, ...Der[]];
  const [algorithm, digest] = imprint.sequence(2) as [Der, Der];
  const { ms, us } = time.is(0x18).time();
  if (version.integer() !== 1n || !policy.oid() || serial.integer() < 0n) {
    throw new Refused(CODE, "the token is of another version");
  }
  const nonce = rest.find((one) => one.tag === 0x02);
  const micro = ((ms % 1000) * 1000 + us).toString().padStart(6, "0");
  return {
    at: `${new Date(ms).toISOString().slice(0, 19)}${micro === "000000" ? "" : `.${micro}`}+00:00`,
    atMs: ms,
    nonce: nonce ? nonce.integer() : null,
    hash: HASHES.get((algorithm.sequence(1)[0] as Der).oid()) ?? "",
    imprint: digest.is(OCTET_STRING).content,
  };
}

function digestOf(hash: string, data: Uint8Array): Bytes | null {
  switch (hash) {
    case "SHA-256": return sha256(data);
    case "SHA-384": return sha384(data) as Bytes;
    case "SHA-512": return sha512(data) as Bytes;
    default: return null;
  }
}

/** The token is over exactly these bytes, else `timestamp-other`. */
export function checkData(token: Token, data: Uint8Array): void {
  const found = digestOf(token.hash, data);
  if (found === null || !same(found, token.imprint)) {
    throw new Refused("timestamp-other", "the time stamp is not over this file");
  }
}

/** Signature and certificate chain to one of the roots, which it returns, else `timestamp-signature`. Throws NotHere for foreign algorithms. */
export async function verifyToken(token: Token, roots: readonly Certificate[]): Promise<[Certificate, Certificate][]> {
  const fail = (why: string) => new Refused("timestamp-signature", `the time stamp ${why}`);
  const [version, sid, digestAlgorithm, attributes, algorithm, signature] = token.signer.sequence(6) as [Der, Der, Der, Der, Der, Der];
  const hash = HASHES.get((digestAlgorithm.sequence(1)[0] as Der).oid());
  if (hash === undefined || version.integer() < 1n) {
    throw fail("is signed over an unknown digest");
  }
  const known = readAttributes(attributes.is(context(0)));
  const told = known.get(MESSAGE_DIGEST)?.content;
  if (known.get(CONTENT_TYPE)?.oid() !== TST_INFO || told === undefined || !same(told, digestOf(hash, token.info) as Bytes)) {
    throw fail("is signed over something else");
  }
  const certificate = [...token.certificates, ...roots].find((one) => isSigner(one, sid));
  if (certificate === undefined || !isNamed(certificate, known)) {
    throw fail("does not carry the certificate that signed it");
  }
  if (!certificate.stampsTime) {
    throw fail("is signed by a certificate that is not for time stamping");
  }
  const message = concat(Uint8Array.of(SET), attributes.raw.subarray(1)); // the attributes are signed as a SET OF
  if (!(await signatureHolds(certificate.spki, algorithm, hash, signature.is(OCTET_STRING).content, message))) {
    throw fail("has a wrong signature");
  }
  return verifyChain(certificate, token.certificates, roots, token.atMs);
}

/** When the first of the certificates in the token ends: until then it has to be renewed (docs/spec/timestamps.md). */
export function expiresMs(token: Token): number {
  if (!token.certificates.length) {
    throw new Refused(CODE, "the time stamp carries no certificate");
  }
  return Math.min(...token.certificates.map((one) => one.notAfterMs));
}

/** What a renewal is taken over: the stamped bytes and all tokens so far, each behind its length. */
export function renewalData(stamped: Uint8Array, generations: readonly (readonly Uint8Array[])[]): Bytes {
  const item = (data: Uint8Array): Uint8Array[] => [length32(data.length), data];
  const parts = generations.flatMap((tokens) => [length32(tokens.length), ...tokens.flatMap(item)]);
  return concat(utf8("custody.timestamp-renewal/1\n"), ...item(stamped), ...parts);
}

function length32(value: number): Bytes {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value);
  return out;
}

function readAttributes(attributes: Der): Map<string, Der> {
  return new Map(
    attributes.members.map((one) => {
      const [type, values] = one.sequence(2) as [Der, Der];
      const found = values.is(SET).members;
      if (found.length !== 1) {
        throw new Refused(CODE, "a signed attribute has not one value");
      }
      return [type.oid(), found[0] as Der];
    }),
  );
}

function isSigner(one: Certificate, sid: Der): boolean {
  if (sid.tag === SEQUENCE) {
    const [issuer, serial] = sid.sequence(2) as [Der, Der];
    return same(issuer.raw, one.issuer) && serial.integer() === one.serial;
  }
  return one.keyId !== null && same(sid.content, one.keyId);
}

/** The signed attributes name exactly this certificate (RFC 5035; RFC 3161 asks for it), by SHA-256 or better. */
function isNamed(certificate: Certificate, known: ReadonlyMap<string, Der>): boolean {
  const value = known.get(SIGNING_CERTIFICATE_V2);
  if (value === undefined) {
    return known.has(SIGNING_CERTIFICATE); // by SHA-1: the certificate's own chain and use have to do
  }
  const id = (value.sequence(1)[0] as Der).sequence(1)[0]?.sequence(1) ?? [];
  const [first, second] = id;
  const named = first?.tag === SEQUENCE ? second : first;
  const hash = first?.tag === SEQUENCE ? HASHES.get((first.sequence(1)[0] as Der).oid()) : "SHA-256";
  const found = digestOf(hash ?? "", certificate.raw);
  return found !== null && named !== undefined && same(named.is(OCTET_STRING).content, found);
}
