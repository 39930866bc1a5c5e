/* What the reader trusts, read from the texts that the page hands over. A text that cannot be read refuses the whole run. */

import type { Trust } from "./api";
import { type Checkpoint, openCheckpoint } from "./checkpoint";
import { utf8 } from "./codec";
import { Refused } from "./errors";
import type { CertificateTrust } from "./exporter_certificate";
import { Policy } from "./policy";
import { type ExporterKey, readPublicKeys } from "./public_key";
import { readCertificates, type Certificate } from "./certificate";
import { readLists } from "./revocation";
import { VerifierKey } from "./vkey";

export interface Trusted {
  readonly keys: readonly VerifierKey[];
  readonly policy: Policy | null;
  readonly exporters: readonly ExporterKey[];
  readonly certified: CertificateTrust;
  readonly roots: readonly Certificate[];
  /** The checkpoint that the reader remembers, which a trusted key signed. */
  readonly since: Checkpoint | null;
}

export function readTrust(trust: Trust): Trusted {
  if (trust.keys && trust.policy) {
    throw new Refused("trust-unusable", "give keys or a policy, not both");
  }
  const keys = keyLines(trust.keys ?? "");
  const policy = trust.policy ? Policy.parse(utf8(trust.policy)) : null;
  return {
    keys,
    policy,
    exporters: trust.exporterKeys ? readPublicKeys(trust.exporterKeys) : [],
    certified: {
      authorities: trust.exporterAuthorities ? readCertificates(trust.exporterAuthorities) : [],
      lists: trust.revocationLists ? readLists(trust.revocationLists, "trust-unusable") : [],
    },
    roots: trust.tsaRoots ? readCertificates(trust.tsaRoots) : [],
    since: trust.since ? openCheckpoint(utf8(trust.since), policy?.logs ?? keys, { anyType: true }) : null,
  };
}

/** vkeys one a line; a line that begins with `#` is a comment. */
export function keyLines(found: string): VerifierKey[] {
  const keys = found.split(/\r?\n/).map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  if (found && !keys.length) {
    throw new Refused("trust-unusable", "there are no vkeys in the text");
  }
  return keys.map((line) => VerifierKey.parse(line));
}
