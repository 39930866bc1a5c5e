/* Check 13: time-stamp tokens over the checkpoint and over the manifest. */

import { type Certificate, NotHere } from "./certificate";
import type { Container } from "./container";
import { CHECKPOINT, MANIFEST, STAMPS } from "./layout";
import { type PackageReport, STAMPED } from "./report";
import { checkData, readToken, verifyToken } from "./timestamp";

const OVER = new Map([["data/timestamps/checkpoint-", CHECKPOINT], ["timestamps/manifest-", MANIFEST]]);
const MAX_TOKEN_BYTES = 65_536;

export async function checkStamps(report: PackageReport, container: Container, roots: readonly Certificate[]): Promise<void> {
  report.done.add(STAMPED);
  const told: string[] = [];
  const names = [...container.below(STAMPS), ...container.below("timestamps/")];
  for (const path of names) {
    const over = [...OVER].find(([prefix]) => path.startsWith(prefix))?.[1] ?? "";
    try {
      const token = readToken(await container.read(path, MAX_TOKEN_BYTES));
      checkData(token, await container.read(over));
      if (roots.length) {
        await verifyToken(token, roots);
      }
      told.push(`${path} ${token.at}`);
    } catch (error) {
      if (error instanceof NotHere) {
        report.unchecked.set(STAMPED, "stamp-algorithm");
      } else {
        report.caught(STAMPED, error, { path });
      }
    }
  }
  report.stamps = told;
  if (!names.length) {
    report.unchecked.set(STAMPED, "no-stamp");
  } else if (!roots.length) {
    report.unchecked.set(STAMPED, "no-root");
  }
}
