/* Checks 9, 10 and 12: proof files, the export's own record, disclosures. */

import type { Checkpoint } from "./checkpoint";
import { type Bytes, compare, fromHex, hex, same } from "./codec";
import { commitmentsOf, parseWithheld } from "./commitments";
import type { Container } from "./container";
import { checkDisclosure } from "./disclosure";
import type { Followed } from "./entry_pass";
import { CHECKPOINT, DISCLOSURES, PROOFS, WITHHELD, folderOf } from "./layout";
import type { PackageManifest } from "./manifest";
import type { ReadRecord } from "./record";
import { DISCLOSED, EXPORT, PROOF_FILES, type PackageReport } from "./report";
import { MAX_TLOG_PROOF_BYTES, parseTlogProof } from "./tlog_proof";
import { verifyInclusion } from "./tree";
import type { Message } from "./wire";

const ACT_EXPORTED = 2;

/** Each proof file is of a listed segment, under the package's checkpoint. */
export async function checkProofFiles(
  report: PackageReport, container: Container, manifest: PackageManifest, opened: Checkpoint,
  leaves: ReadonlyMap<bigint, Bytes>,
): Promise<void> {
  const names = container.below(PROOFS);
  if (!names.length) {
    report.leave(PROOF_FILES, "no-proof-files");
    return;
  }
  report.done.add(PROOF_FILES);
  const note = await container.read(CHECKPOINT);
  const rows = new Map(
    manifest.files.map((row) => [`${PROOFS}${folderOf(row.stream)}/${String(row.number).padStart(8, "0")}-${row.index}.tlog-proof`, row]),
  );
  for (const path of [...new Set([...rows.keys(), ...names])].sort(compare)) {
    const row = rows.get(path);
    try {
      const proof = parseTlogProof(await container.read(path, MAX_TLOG_PROOF_BYTES));
      const leaf = row === undefined ? undefined : leaves.get(row.index);
      if (row === undefined || leaf === undefined || proof.index !== row.index || !same(proof.checkpoint, note) || proof.extra) {
        report.find(PROOF_FILES, "proof-file-other", `${path} proves something else`, { path });
        continue;
      }
      verifyInclusion(leaf, proof.index, opened.size, proof.hashes, opened.root);
    } catch (error) {
      report.caught(PROOF_FILES, error, { path });
    }
  }
}

/** Looks for the record of this export among the entries. */
export class ExportCheck {
  private record: ReadRecord | null = null;
  /** When the ledger recorded this export; as long as no record of it was found, the stamp of the last entry. */
  atUs = 0n;
  /** Whether the content can have been prepared where and when the manifest says. */
  private prepared: boolean;

  constructor(
    private readonly report: PackageReport, private readonly manifest: PackageManifest, private readonly content: Bytes,
  ) {
    const named = [...manifest.files, ...manifest.absent, ...manifest.derived];
    this.prepared = named.every(({ index }) => index < manifest.snapshot);
  }

  /** True from the record on: what comes later came after the content was made. */
  get found(): boolean {
    return this.record !== null;
  }

  take({ index, entry, record }: Followed): void {
    const { snapshot, preparedUs } = this.manifest;
    if (index < snapshot ? entry.sequencedAtUs > preparedUs : entry.sequencedAtUs < preparedUs) {
      this.prepared = false;
    }
    if (this.found) {
      return;
    }
    this.atUs = entry.sequencedAtUs;
    if (record.kind.name === "package_exported" && same(record.body["manifest_sha256"] as Bytes, this.content)) {
      this.record = record;
    }
  }

  /** It is there, and says what the manifest says. */
  end(): void {
    this.report.done.add(EXPORT);
    if (this.record === null) {
      this.report.find(EXPORT, "export-unrecorded", "the log has no record of exporting exactly this content");
      return;
    }
    const [body, manifest] = [this.record.body, this.manifest];
    const spans = body["spans"] as Message[];
    const agree =
      body["case_number"] === manifest.caseNumber && body["recipient"] === manifest.recipient &&
      body["files"] === BigInt(manifest.files.length) && body["tree_size"] === manifest.snapshot + 1n &&
      this.record.atUs === manifest.preparedUs &&
      spans.length === manifest.streams.length &&
      manifest.streams.every((row, at) => {
        const span = spans[at] as Message;
        return span["stream"] === row.stream && span["from_us"] === row.from_us && span["to_us"] === row.to_us;
      });
    if (!agree) {
      this.report.find(EXPORT, "export-differs", "the record of the export says other than the manifest");
    } else if (!this.prepared) {
      this.report.find(EXPORT, "export-differs", "the manifest was not prepared where and when it says");
    }
  }
}

/** Holds what is disclosed and what is withheld against the commitments in the entries. */
export class DisclosureCheck {
  private readonly committed = new Set<string>();
  /** Commitments whose disclosures the log says were given with an export, from its record on. */
  private readonly toldGiven = new Set<string>();

  constructor(private readonly report: PackageReport, private readonly container: Container) {}

  /** One entry; `exported`: the ledger had recorded this export by then, so the content could not know of it. */
  take(record: ReadRecord, exported: boolean): void {
    if (!exported) {
      for (const commitment of commitmentsOf(record)) {
        this.committed.add(commitment);
      }
    } else if (record.kind.name === "disclosure_access" && record.body["act"] === ACT_EXPORTED) {
      for (const commitment of record.body["opened_commitments"] as Bytes[]) {
        this.toldGiven.add(hex(commitment));
      }
    }
  }

  /** Every disclosure opens a commitment, and every commitment is opened or named as withheld. */
  async end(): Promise<void> {
    const report = this.report;
    report.done.add(DISCLOSED);
    const opened = new Set<string>();
    for (const path of this.container.below(DISCLOSURES)) {
      const commitment = path.slice(DISCLOSURES.length);
      try {
        checkDisclosure(await this.container.read(path), (commitment.length === 64 && fromHex(commitment)) || new Uint8Array());
        opened.add(commitment);
      } catch (error) {
        report.caught(DISCLOSED, error, { path });
      }
    }
    let withheld: Set<string>;
    try {
      withheld = parseWithheld(await this.container.read(WITHHELD));
    } catch (error) {
      report.caught(DISCLOSED, error, { path: WITHHELD });
      return;
    }
    const untold = [...opened].filter((one) => !this.toldGiven.has(one)).length;
    if (untold) {
      report.find(DISCLOSED, "disclosure-unrecorded", `the log does not record that ${untold} of them were given`);
    }
    for (const stray of opened) {
      if (!this.committed.has(stray)) {
        report.find(DISCLOSED, "disclosure-stray", `no entry commits to ${stray.slice(0, 16)}`);
      }
    }
    const closed = [...this.committed].filter((one) => !opened.has(one));
    if (closed.length !== withheld.size || !closed.every((one) => withheld.has(one))) {
      report.find(DISCLOSED, "withheld-differs", "withheld.json does not list what is withheld");
    }
  }
}
