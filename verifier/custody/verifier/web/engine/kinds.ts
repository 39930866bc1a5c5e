/* Kinds of record: their chains and what each must say. docs/spec/record.md, "Kinds". */

import { compare } from "./codec";
import { CHAIN_HEADS, CHAIN_KEYS } from "./names";
import type { Message } from "./wire";

export interface Kind {
  readonly name: string;
  readonly family: "footage" | "custody" | "either" | "site" | typeof CHAIN_KEYS | typeof CHAIN_HEADS;
  readonly required: readonly string[];
}

const ROWS = `
segment footage stream number duration_us size_bytes file_sha256
gap footage span.stream span.from_us span.to_us reason
heartbeat footage stream interval_us
fault footage stream kind state
clock_check footage stream device_us reference_us
recorder_configuration custody streams
stream_registered custody description.stream
stream_changed custody description.stream aspects
stream_retired custody stream
retention_policy custody streams minimum_us effective_from_us
hold_placed custody hold_id spans
hold_released custody hold_id streams
disposal custody ranges kind knowledge
move custody ranges to_storage
access_request custody request_id spans
access_granted custody request_id streams
access_refused custody request_id streams
access custody act spans
redaction custody sources derived_sha256
publication custody streams published_sha256
package_exported custody spans manifest_sha256
package_verified custody streams manifest_sha256 verdict
integrity_scan custody ranges
disclosure_access either opened_commitments act
correction either leaf_sha256
site_registered site site operator
filing site site act
staff_change site site duty
training site site people
delegation site site delegate
watch_shift site site people duration_us
incident_report site site incident_id seen_us
maintenance_check site site
inspection site site inspection_id
rectification_order site site order_id due_us
rectification_done site site order_id
key_registered log/keys key_id use algorithm public_key
key_revoked log/keys key_id from_us
chain_heads log/heads tree_size chains heads_root`;

export const KINDS: ReadonlyMap<string, Kind> = new Map(
  ROWS.trim().split("\n").map((row) => {
    const [name, family, ...required] = row.split(" ") as [string, Kind["family"], ...string[]];
    return [name, { name, family, required }];
  }),
);

/** Streams that a record of footage, custody or either names, as docs/spec/record.md says where. */
export function streamsOf(body: Message): string[] {
  const many = (name: string) => ((body[name] as Message[] | undefined) ?? []).map((one) => one["stream"] as string);
  const one = (name: string) => (body[name] ? [(body[name] as Message)["stream"] as string] : []);
  return [
    ...(body["stream"] ? [body["stream"] as string] : []), ...((body["streams"] as string[] | undefined) ?? []),
    ...one("span"), ...many("spans"), ...many("ranges"), ...many("sources"), ...one("description"),
  ];
}

export function chainsOf(kind: Kind, body: Message): string[] {
  switch (kind.family) {
    case "footage":
    case "custody":
      return sorted(streamsOf(body).map((stream) => `${kind.family}/${stream}`));
    case "either": {
      const streams = streamsOf(body);
      return streams.length ? sorted(streams.map((stream) => `custody/${stream}`)) : [`site/${body["site"] as string}`];
    }
    case "site":
      return [`site/${body["site"] as string}`];
    default:
      return [kind.family];
  }
}

function sorted(chains: readonly string[]): string[] {
  return [...new Set(chains)].sort(compare);
}

/** What time a record tells of, half open. */
export function periodOf(kind: Kind, body: Message, atUs: bigint): [bigint, bigint] {
  if (kind.name === "gap") {
    const span = body["span"] as Message;
    return [span["from_us"] as bigint, span["to_us"] as bigint];
  }
  const lasting = kind.name === "segment" || kind.name === "watch_shift" || kind.name === "access";
  return [atUs, lasting ? atUs + (body["duration_us"] as bigint) : atUs];
}
