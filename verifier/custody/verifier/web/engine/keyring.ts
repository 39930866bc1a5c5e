/*
 * The keys of a log, replayed from its chain `log/keys`, as far as seals and exporters need them. A key id means one public key for ever: a
 * second registration of the id with another key changes nothing; with the same key it replaces the validity; a revocation is
 * never taken back.
 */

import type { Bytes } from "./codec";
import { same } from "./codec";
import { Refused } from "./errors";
import { MAX_TIME_US } from "./names";
import type { ReadRecord } from "./record";
import { type SealKey, readSealKey } from "./seal";

const USE_SEAL = 2;
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

  /** One entry; of any kind. */
  take({ kind, body }: ReadRecord): void {
    const id = body["key_id"] as string;
    const held = this.keys.get(id);
    if (kind.name === "key_registered") {
      const [use, publicKey, holder] = [body["use"] as number, body["public_key"] as Bytes, body["holder"] as string];
      if (held === undefined || (held.use === use && held.holder === holder && same(held.publicKey, publicKey))) {
        this.keys.set(id, {
          use, publicKey: publicKey.slice() as Bytes, holder, algorithm: body["algorithm"] as number,
          fromUs: body["valid_from_us"] as bigint, untilUs: (body["valid_until_us"] as bigint) || MAX_TIME_US + 1n,
          revokedUs: held?.revokedUs ?? MAX_TIME_US + 1n,
        });
      }
    } else if (kind.name === "key_revoked" && held !== undefined && (body["from_us"] as bigint) < held.revokedUs) {
      held.revokedUs = body["from_us"] as bigint;
    }
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
  return key.untilUs < key.revokedUs ? key.untilUs : key.revokedUs;
}
