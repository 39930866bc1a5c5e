/*
 * The keys of a log, replayed from its chain `log/keys`, as far as seals and exporters need them. A key id means one public key for ever: a
 * second registration of the id with another key changes nothing; with the same key it replaces the validity; a revocation is
 * never taken back. It revokes the public key under every id, those to come included, unless its reason says that nobody else has
 * the key: superseded or retired, an id alone ends.
 */

import type { Bytes } from "./codec";
import { hex, same } from "./codec";
import { Refused } from "./errors";
import { MAX_TIME_US } from "./names";
import type { ReadRecord } from "./record";
import { type SealKey, readSealKey } from "./seal";

const USE_SEAL = 2;
/** Reasons to revoke that leave the key itself in its holder's hands alone: superseded, retired. */
const UNHARMED: readonly number[] = [1, 3];
const NEVER = MAX_TIME_US + 1n;
export const USE_EXPORTER = 5;
/** How long a batch may wait between the door, where its key must count, and its stamp. */
const ADMISSION_US = 120_000_000n;

export interface RegisteredKey {
  readonly use: number;
  readonly algorithm: number;
  readonly publicKey: Bytes;
  readonly holder: string;
  readonly fromUs: bigint;
  readonly untilUs: bigint;
  revokedUs: bigint;
}

export class Keyring {
  private readonly keys = new Map<string, RegisteredKey>();
  /** Public keys that others may have, each with the time from which on. */
  private readonly lost = new Map<string, bigint>();

  /** One entry; of any kind. */
  take({ kind, body }: ReadRecord): void {
    const id = body["key_id"] as string;
    const held = this.keys.get(id);
    if (kind.name === "key_registered") {
      const [use, publicKey, holder] = [body["use"] as number, body["public_key"] as Bytes, body["holder"] as string];
      if (held === undefined || (held.use === use && held.holder === holder && same(held.publicKey, publicKey))) {
        this.keys.set(id, {
          use, publicKey: publicKey.slice() as Bytes, holder, algorithm: body["algorithm"] as number,
          fromUs: body["valid_from_us"] as bigint, untilUs: (body["valid_until_us"] as bigint) || NEVER,
          revokedUs: held?.revokedUs ?? this.lost.get(hex(publicKey)) ?? NEVER,
        });
      }
    } else if (kind.name === "key_revoked" && held !== undefined) {
      this.revoke(held, body["from_us"] as bigint, body["reason"] as number);
    }
  }

  private revoke(held: RegisteredKey, fromUs: bigint, reason: number): void {
    let ended = [held];
    if (!UNHARMED.includes(reason)) {
      const id = hex(held.publicKey);
      this.lost.set(id, earlier(fromUs, this.lost.get(id) ?? NEVER));
      ended = [...this.keys.values()].filter((key) => same(key.publicKey, held.publicKey));
    }
    for (const key of ended) key.revokedUs = earlier(fromUs, key.revokedUs);
  }

  /** Keys that are registered for a use, and whether each was valid at a time. */
  of(use: number, atUs: bigint): { readonly key: RegisteredKey; readonly valid: boolean }[] {
    return [...this.keys.values()]
      .filter((key) => key.use === use)
      .map((key) => ({ key, valid: key.fromUs <= atUs && atUs < endOf(key) }));
  }

  /** The key under which `holder` could seal an entry that was stamped then; it was admitted up to ADMISSION_US before. */
  sealKey(id: string, holder: string, stampUs: bigint): SealKey {
    const key = this.keys.get(id);
    if (key === undefined || key.use !== USE_SEAL || key.holder !== holder) {
      throw new Refused("seal-key-unknown", `no seal key ${id} of ${holder} is registered in the log`);
    }
    if (key.fromUs > stampUs || stampUs - ADMISSION_US >= endOf(key)) {
      throw new Refused("seal-key-invalid", `the seal key ${id} is not valid at that time`);
    }
    return readSealKey(key.algorithm, key.publicKey);
  }
}

function endOf(key: RegisteredKey): bigint {
  return earlier(key.untilUs, key.revokedUs);
}

function earlier(one: bigint, two: bigint): bigint {
  return one < two ? one : two;
}
