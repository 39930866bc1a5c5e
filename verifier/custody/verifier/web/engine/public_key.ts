/* Public keys of exporters: SubjectPublicKeyInfo of the three algorithms of a seal, bare in the log and in PEM in files. */

import { type Bytes, hex } from "./codec";
import { Refused } from "./errors";
import { sha256 } from "./hash";
import { pemBlocks } from "./pem";
import { type SealKey, sealKeyOf } from "./seal";

const CODE = "exporter-key";

export interface ExporterKey {
  /** Hex SHA-256 of the SubjectPublicKeyInfo. */
  readonly id: string;
  readonly spki: Bytes;
  readonly key: SealKey;
}

/** The key of a SubjectPublicKeyInfo; null for any other kind of key. */
export function exporterKey(spki: Uint8Array): ExporterKey | null {
  const key = sealKeyOf(spki);
  return key === null ? null : { id: hex(sha256(spki)), spki: spki.slice() as Bytes, key };
}

/** The keys of a PEM file; at least one. Refuses with `exporter-key`. */
export function readPublicKeys(found: string): ExporterKey[] {
  const keys = pemBlocks(found, "PUBLIC KEY", CODE).map(exporterKey);
  if (!keys.length || keys.includes(null)) {
    throw new Refused(CODE, "not an Ed25519, P-256 or ML-DSA-44 public key in PEM");
  }
  return keys as ExporterKey[];
}
