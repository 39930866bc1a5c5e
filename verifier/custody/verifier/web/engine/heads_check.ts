/* Check 7: the chains that must be complete end exactly where the closing snapshot says that they ended. */

import { compare, same } from "./codec";
import type { Container } from "./container";
import type { SliceState } from "./entry_pass";
import { readFrames } from "./framing";
import { type Heads, HeadsReader, checkHeads } from "./heads";
import { HEADS as HEADS_FILE } from "./layout";
import type { Margins } from "./margins";
import { CHAIN_HEADS, CHAIN_KEYS, siteOf } from "./names";
import type { ReadRecord } from "./record";
import { CHAINS, HEADS, type PackageReport } from "./report";

/** Recomputes the snapshot's root from the list of heads; null when it is not that list's. */
export async function checkSnapshot(
  report: PackageReport, container: Container, index: bigint, snapshot: ReadRecord | null,
): Promise<Heads | null> {
  report.done.add(HEADS);
  try {
    const reader = new HeadsReader();
    for await (const items of readFrames(container.open(HEADS_FILE))) {
      for (const item of items) {
        reader.take(item);
      }
    }
    const heads = reader.end();
    if (snapshot?.kind.name !== "chain_heads") {
      report.find(HEADS, "snapshot-missing", "the closing snapshot is not among the entries", { index });
      return null;
    }
    checkHeads(snapshot.body, index, heads);
    return heads;
  } catch (error) {
    report.caught(HEADS, error, { path: HEADS_FILE });
    return null;
  }
}

/** Every chain that the package owes is there, whole; `margins` are those of its streams. */
export function checkEnds(
  report: PackageReport, margins: ReadonlyMap<string, Margins>, { byChain: heads }: Heads, states: ReadonlyMap<string, SliceState>,
): void {
  const owed = new Set([CHAIN_KEYS]);
  for (const [stream, found] of margins) {
    owed.add(`custody/${stream}`).add(`site/${siteOf(stream)}`);
    checkFootage(report, `footage/${stream}`, found, heads, states);
  }
  for (const chain of [...owed].sort(compare)) {
    const head = heads.get(chain);
    const state = states.get(chain);
    if (head === undefined) {
      continue;
    }
    if (state === undefined) {
      report.find(CHAINS, "slice-missing", `${chain} is not in the package`);
    } else if (state.first !== 1n) {
      report.find(CHAINS, "slice-incomplete", `${chain} begins at ${state.first}`);
    } else if (state.seq !== head.seq || !same(state.leaf, head.leaf)) {
      report.find(HEADS, "chain-cut", `${chain} ends at ${state.seq} here; the log's own snapshot has ${head.seq}`);
    }
  }
  for (const [chain, state] of states) {
    const head = heads.get(chain);
    if (chain !== CHAIN_HEADS && (head === undefined || state.last > head.seq)) {
      report.find(HEADS, "chain-cut", `${chain} goes beyond the closing snapshot`);
    }
  }
}

/** A segment bounds the period on both sides, or the chain ends there. */
function checkFootage(
  report: PackageReport, chain: string, margins: Margins, heads: Heads["byChain"], states: ReadonlyMap<string, SliceState>,
): void {
  const [state, head] = [states.get(chain), heads.get(chain)];
  if (state === undefined || head === undefined) {
    report.find(CHAINS, "slice-missing", `${chain} is not in the package`);
    return;
  }
  const wholeLeft = state.first === 1n || margins.left;
  const wholeRight = state.last === head.seq || margins.right;
  if (!wholeLeft || !wholeRight) {
    report.find(CHAINS, "slice-margin", `${chain}: no segment bounds the period, so it may be cut`);
  }
}
