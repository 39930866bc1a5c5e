/*
 * Check 11: somebody who may export signed exactly this package. Keys count when they are given, when the log has them registered
 * for exporters, or when their certificate leads to a given authority; the last two must have been valid when the *ledger* recorded
 * the export, for what the manifest says of times its signer wrote. Each signature must be good.
 */

import { type Digests } from "./bag";
import { NotHere } from "./certificate";
import { type Bytes, ascii, hex, octets } from "./codec";
import type { Container } from "./container";
import { parseEnvelope, statement, verifySignature } from "./dsse";
import { Refused } from "./errors";
import { type CertificateTrust, checkCertificate, readChain } from "./exporter_certificate";
import { sha256 } from "./hash";
import { Keyring, USE_EXPORTER } from "./keyring";
import { BAGIT, BAG_INFO, ENVELOPE, MANIFEST } from "./layout";
import type { PackageManifest } from "./manifest";
import { type ExporterKey, exporterKey, readPublicKeys } from "./public_key";
import type { ReadRecord } from "./record";
import { type PackageReport, SIGNER } from "./report";
import { type RevocationList, readLists } from "./revocation";
import { readSealKey } from "./seal";
import type { Trusted } from "./trusted";

const MAX_PEM_BYTES = 4_096;
const MAX_CHAIN_BYTES = 65_536;

/** Exporters' keys in the log, with what later entries say about them. */
export class RegisteredExporters {
  private readonly keys = new Keyring();

  take(record: ReadRecord): void {
    this.keys.take(record);
  }

  validAt(atUs: bigint): ExporterKey[] {
    return this.named(atUs, true);
  }

  /** Names of keys that were not valid: not yet, not any more, or revoked. */
  endedAt(atUs: bigint): Set<string> {
    return new Set(this.named(atUs, false).map(({ id }) => id));
  }

  private named(atUs: bigint, valid: boolean): ExporterKey[] {
    const found = this.keys.of(USE_EXPORTER, atUs).filter((one) => one.valid === valid);
    return found.map(({ key }) => registeredKey(key.algorithm, key.publicKey)).filter((key) => key !== null);
  }
}

/** A key counts as what it was registered as; null for one that signs no package. */
function registeredKey(algorithm: number, spki: Bytes): ExporterKey | null {
  try {
    readSealKey(algorithm, spki);
  } catch {
    return null;
  }
  return exporterKey(spki);
}

export async function checkSigner(
  report: PackageReport, container: Container, manifest: PackageManifest, content: Uint8Array,
  { exporters: trusted, certified }: Trusted, exporters: RegisteredExporters, atUs: bigint,
): Promise<void> {
  report.done.add(SIGNER);
  if (!container.has(ENVELOPE)) {
    report.find(SIGNER, "package-unsigned", "the package has no signature");
    return;
  }
  const registered = exporters.validAt(atUs);
  let good: readonly ExporterKey[];
  let subjects: ReadonlyMap<string, string>;
  try {
    good = await verify(container, manifest, content, new Map([...trusted, ...registered].map((key) => [key.id, key])));
    subjects = await certify(report, container, good, certified, Number(atUs) / 1000);
  } catch (error) {
    report.caught(SIGNER, error);
    return;
  }
  const whose = new Map<string, string>([
    ...registered.map(({ id }) => [id, "registered in the log"] as const), ...subjects,
    ...trusted.map(({ id }) => [id, "given key"] as const),
  ]);
  report.signers = good.map(({ id }) => (whose.has(id) ? `${id} (${whose.get(id) as string})` : id));
  const counting = new Set(trusted.length ? trusted.map(({ id }) => id) : [...registered.map(({ id }) => id), ...subjects.keys()]);
  const ended = exporters.endedAt(atUs);
  if (!counting.size && !certified.authorities.length && !good.some(({ id }) => ended.has(id))) {
    report.leave(SIGNER, "signer-only-here");
  } else if (!good.some(({ id }) => counting.has(id)) && !report.left(SIGNER)) {
    report.find(SIGNER, "package-signer", "nobody who may export signed the package");
  }
}

/** Subjects of the certificates of those signers that have one under a given authority, by key id. */
async function certify(
  report: PackageReport, container: Container, good: readonly ExporterKey[], trust: CertificateTrust, atMs: number,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (!trust.authorities.length) {
    return found;
  }
  const lists = [...trust.lists, ...(await packedLists(container))];
  for (const key of good) {
    const path = `signatures/${key.id}.chain.pem`;
    if (!container.has(path)) {
      continue;
    }
    try {
      const chain = readChain(octets(await container.read(path, MAX_CHAIN_BYTES)));
      const { subject, revocationKnown } = await checkCertificate(key, chain, { authorities: trust.authorities, lists }, atMs);
      found.set(key.id, subject);
      if (!revocationKnown) {
        report.limits.add("exporter-revocation");
      }
    } catch (error) {
      if (error instanceof NotHere) {
        report.leave(SIGNER, "signer-algorithm");
      } else {
        report.caught(SIGNER, error, { path });
      }
    }
  }
  return found;
}

/** Revocation lists in the package: they are signed, so they may come from anywhere. */
export async function packedLists(container: Container): Promise<RevocationList[]> {
  const lists: RevocationList[] = [];
  for (const name of container.below("signatures/").filter((one) => one.endsWith(".crl.pem"))) {
    lists.push(...readLists(octets(await container.read(name)), "revocation-list"));
  }
  return lists;
}

async function verify(
  container: Container, manifest: PackageManifest, content: Uint8Array, known: ReadonlyMap<string, ExporterKey>,
): Promise<ExporterKey[]> {
  const envelope = parseEnvelope(await container.read(ENVELOPE));
  const files = new Map<string, Bytes>();
  for (const name of [BAGIT, BAG_INFO, MANIFEST]) {
    files.set(name, sha256(await container.read(name)));
  }
  const predicate = {
    log: manifest.log, case_number: manifest.caseNumber, recipient: manifest.recipient, content_sha256: hex(content),
  };
  if (hex(sha256(envelope.payload)) !== hex(sha256(statement(files as Digests, predicate)))) {
    throw new Refused("package-signature", "what was signed is not this package");
  }
  const good: ExporterKey[] = [];
  for (const { keyid, signature } of envelope.signatures) {
    const name = `signatures/${keyid}.pem`;
    let key = known.get(keyid);
    if (key === undefined && container.has(name)) {
      key = readPublicKeys(ascii(await container.read(name, MAX_PEM_BYTES), "exporter-key", name))[0];
    }
    if (good.some(({ id }) => id === keyid)) {
      throw new Refused("envelope-malformed", `${keyid.slice(0, 16)} signed twice`);
    }
    if (key === undefined) {
      throw new Refused("package-signature", `the key of a signature is not here: ${keyid.slice(0, 16)}`);
    }
    verifySignature(envelope, keyid, signature, key);
    good.push(key);
  }
  return good;
}
