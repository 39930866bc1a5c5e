/* Names of sites, streams, chains, identities and keys, each with one spelling, and the bounds of the forms (docs/spec/record.md). */

import { Refused, shown } from "./errors";

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const IDENTITY = /^urn:custody:[a-z][a-z0-9-]{0,31}:[A-Za-z0-9][A-Za-z0-9._@/-]{0,199}$/;
const KEY_ID = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,126}$/;

export const CHAIN_KEYS = "log/keys";
export const CHAIN_HEADS = "log/heads";

export const MAX_COUNT = (1n << 63n) - 1n;
/** 9999-12-31T23:59:59.999999Z. */
export const MAX_TIME_US = 253_402_300_799_999_999n;
export const MAX_ENTRY_BYTES = 65_535;
export const MAX_RECORD_BYTES = 60_000;
export const MAX_BATCH_RECORDS = 1_024;
export const MAX_STREAMS_PER_RECORD = 256;

export function isSite(site: string): boolean {
  return NAME.test(site);
}

export function isStream(stream: string): boolean {
  const slash = stream.indexOf("/");
  return slash > 0 && NAME.test(stream.slice(0, slash)) && NAME.test(stream.slice(slash + 1));
}

export function checkSite(site: string): void {
  if (!isSite(site)) {
    throw new Refused("name-malformed", `not a site name: ${shown(site)}`);
  }
}

export function checkStream(stream: string): void {
  if (!isStream(stream)) {
    throw new Refused("name-malformed", `not a stream name (site/camera): ${shown(stream, 160)}`);
  }
}

export function checkChain(chain: string): string {
  const slash = chain.indexOf("/");
  const family = chain.slice(0, slash);
  const subject = chain.slice(slash + 1);
  const known =
    family === "footage" || family === "custody"
      ? isStream(subject)
      : family === "site" ? isSite(subject) : chain === CHAIN_KEYS || chain === CHAIN_HEADS;
  if (!known) {
    throw new Refused("name-malformed", `not a chain name: ${shown(chain, 160)}`);
  }
  return chain;
}

export function checkIdentity(identity: string): string {
  if (!IDENTITY.test(identity)) {
    throw new Refused("identity-malformed", `not an identity (urn:custody:<role>:<name>): ${shown(identity, 255)}`);
  }
  return identity;
}

export function checkKeyId(keyId: string): void {
  if (!KEY_ID.test(keyId)) {
    throw new Refused("key-id-malformed", `not a key id: ${shown(keyId, 127)}`);
  }
}

export function siteOf(stream: string): string {
  return stream.slice(0, stream.indexOf("/"));
}
