/* Ed25519 public keys of exporters: SubjectPublicKeyInfo (RFC 8410), bare in the log and in PEM in files. */

import { type Bytes, hex } from "./codec";
import { Refused } from "./errors";
import { sha256 } from "./hash";
import { pemBlocks } from "./pem";

const SPKI_PREFIX = "302a300506032b6570032100";
const SPKI_BYTES = 44;
const CODE = "exporter-key";

export interface ExporterKey {
  /** Hex SHA-256 of the SubjectPublicKeyInfo. */
  readonly id: string;
  /** 32 bytes. */
  readonly raw: Bytes;
}

/** The key of a SubjectPublicKeyInfo; null for any other kind of key. */
export function exporterKey(spki: Uint8Array): ExporterKey | null {
  if (spki.length !== SPKI_BYTES || hex(spki.subarray(0, 12)) !== SPKI_PREFIX) {
    return null;
  }
  return { id: hex(sha256(spki)), raw: spki.slice(12) as Bytes };
}

/** The keys of a PEM file; at least one. Refuses with `exporter-key`. */
export function readPublicKeys(found: string): ExporterKey[] {
  const keys = pemBlocks(found, "PUBLIC KEY", CODE).map(exporterKey);
  if (!keys.length || keys.includes(null)) {
    throw new Refused(CODE, "not an Ed25519 public key in PEM");
  }
  return keys as ExporterKey[];
}
