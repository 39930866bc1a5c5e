/* Check 11: somebody who may export signed exactly this package. Keys: given ones, and those registered in the log. */

import { type Digests } from "./bag";
import { type Bytes, ascii, hex } from "./codec";
import type { Container } from "./container";
import { parseEnvelope, statement, verifySignature } from "./dsse";
import { Refused } from "./errors";
import { sha256 } from "./hash";
import { BAGIT, BAG_INFO, ENVELOPE, MANIFEST } from "./layout";
import type { PackageManifest } from "./manifest";
import { type ExporterKey, exporterKey, readPublicKeys } from "./public_key";
import type { ReadRecord } from "./record";
import { type PackageReport, SIGNER } from "./report";

const MAX_PEM_BYTES = 4_096;
const USE_EXPORTER = 5;

/** Exporters' keys in the log, with what later entries say about them. */
export class RegisteredExporters {
  private readonly keys = new Map<string, { key: ExporterKey; begin: bigint; end: bigint }>();

  take(record: ReadRecord): void {
    const body = record.body;
    const name = body["key_id"] as string;
    if (record.kind.name === "key_registered" && body["use"] === USE_EXPORTER) {
      const key = exporterKey(body["public_key"] as Bytes);
      if (key !== null) {
        this.keys.set(name, { key, begin: body["valid_from_us"] as bigint, end: body["valid_until_us"] as bigint });
      }
    } else if (record.kind.name === "key_revoked") {
      const known = this.keys.get(name);
      const from = body["from_us"] as bigint;
      if (known !== undefined && (!known.end || from < known.end)) {
        known.end = from;
      }
    }
  }

  validAt(atUs: bigint): ExporterKey[] {
    return [...this.keys.values()].filter(({ begin, end }) => begin <= atUs && (!end || atUs < end)).map(({ key }) => key);
  }
}

export async function checkSigner(
  report: PackageReport, container: Container, manifest: PackageManifest, content: Uint8Array,
  trusted: readonly ExporterKey[], registered: readonly ExporterKey[],
): Promise<void> {
  report.done.add(SIGNER);
  if (!container.has(ENVELOPE)) {
    report.find(SIGNER, "package-unsigned", "the package has no signature");
    return;
  }
  let good: readonly string[];
  try {
    good = await verify(container, manifest, content, new Map([...trusted, ...registered].map((key) => [key.id, key])));
  } catch (error) {
    report.caught(SIGNER, error);
    return;
  }
  const counting = trusted.length ? trusted : registered;
  const whose = (keyid: string): string =>
    trusted.some((key) => key.id === keyid)
      ? " (given key)"
      : registered.some((key) => key.id === keyid) ? " (registered in the log)" : "";
  report.signers = good.map((keyid) => `${keyid}${whose(keyid)}`);
  if (!counting.length) {
    report.leave(SIGNER, "signer-only-here");
  } else if (!good.some((keyid) => counting.some((key) => key.id === keyid))) {
    report.find(SIGNER, "package-signer", "nobody who may export signed the package");
  }
}

async function verify(
  container: Container, manifest: PackageManifest, content: Uint8Array, known: ReadonlyMap<string, ExporterKey>,
): Promise<string[]> {
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
  const good: string[] = [];
  for (const { keyid, signature } of envelope.signatures) {
    const name = `signatures/${keyid}.pem`;
    let key = known.get(keyid);
    if (key === undefined && container.has(name)) {
      key = readPublicKeys(ascii(await container.read(name, MAX_PEM_BYTES), "exporter-key", name))[0];
    }
    if (good.includes(keyid)) {
      throw new Refused("envelope-malformed", `${keyid.slice(0, 16)} signed twice`);
    }
    if (key === undefined) {
      throw new Refused("package-signature", `the key of a signature is not here: ${keyid.slice(0, 16)}`);
    }
    verifySignature(envelope, keyid, signature, key);
    good.push(keyid);
  }
  return good;
}
