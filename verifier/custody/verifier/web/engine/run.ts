/*
 * Drives the checks of a package in their order (docs/spec/verification.md, "verify package"). A check that cannot be made
 * because an earlier one left nothing to hold it against stays *not checked*.
 */

import type { PackageSource, Progress, Report, Trust } from "./api";
import { contentDigest } from "./bag";
import { checkBag } from "./bag_check";
import { checkBrought } from "./brought_check";
import type { Checkpoint } from "./checkpoint";
import { checkGrowth, checkSignatures } from "./checkpoint_check";
import { type Bytes, hex } from "./codec";
import { Refused } from "./errors";
import { Container, type Region } from "./container";
import { DisclosureCheck, ExportCheck, checkProofFiles } from "./content_checks";
import { EntryPass } from "./entry_pass";
import { DerivedCheck } from "./derived_check";
import { checkEnds, checkSnapshot } from "./heads_check";
import { ENTRIES as ENTRIES_FILE, INCLUSION, INDEXES, PACKAGE_CSV, PACKAGE_MANIFEST, SLICES } from "./layout";
import { type Inclusion, type Slices, parseInclusion, parseIndexes, parseSlices } from "./log_part";
import { type PackageManifest, parseManifest } from "./manifest";
import type { ReadRecord } from "./record";
import { CHAINS, ENTRIES, FORM, PackageReport, SEGMENTS } from "./report";
import { SealCheck } from "./seal_check";
import { SegmentCheck, checkFiles } from "./segment_check";
import { RegisteredExporters, checkSigner } from "./signer_check";
import { checkEarlyCovers, checkStamps } from "./stamp_check";
import { NO_TIMELINE, TimelineMaker } from "./timeline";
import { type Trusted, readTrust } from "./trusted";

/** Hashes whole files; null for one that cannot be read. */
export interface Hasher {
  all(regions: readonly Region[], progress: (done: number, total: number) => void): Promise<Map<string, Bytes | null>>;
}

type Tell = (progress: Progress) => void;

/** The end record of a zip without a comment, at the very end. */
const ZIP_END_BYTES = 22;

/** What does not even look like a package is no finding: nothing can be said about it. */
async function recognise(source: PackageSource): Promise<void> {
  if (source.kind === "folder") {
    if (!source.files.some(({ path }) => /^(?:[^/]+\/)?(?:bagit\.txt|data\/manifest\.json)$/.test(path))) {
      throw new Refused("package-none", "the folder has neither bagit.txt nor data/manifest.json: give the package's own folder");
    }
    return;
  }
  const { file } = source;
  const mark = async (at: number) => hex(new Uint8Array(await file.slice(at, at + 4).arrayBuffer()));
  if ((await mark(0)) !== "504b0304" && (await mark(Math.max(0, file.size - ZIP_END_BYTES))) !== "504b0506") {
    throw new Refused("package-none", "the file is no zip: give the package as a folder, or as the zip that was exported");
  }
}

/** Refuses only what the reader trusts and cannot be read, and what is no package; everything in the package is a finding. */
export async function checkPackage(source: PackageSource, trust: Trust, hasher: Hasher, tell: Tell): Promise<Report> {
  const trusted = readTrust(trust);
  await recognise(source);
  const report = new PackageReport(source.name);
  let container: Container;
  let manifest: PackageManifest;
  try {
    container = await Container.open(source);
    manifest = parseManifest(await container.read(PACKAGE_MANIFEST));
  } catch (error) {
    report.caught(FORM, error);
    report.done.add(FORM);
    return report.told(NO_TIMELINE);
  }
  report.done.add(FORM);
  report.files = manifest.files.length;
  report.absent = manifest.absent.length;
  report.footageBytes = manifest.files.reduce((total, row) => total + row.size_bytes, 0n);
  const digests = await hashPayload(container, hasher, tell);
  tell({ stage: "checks", done: 0, total: 1 });
  await checkBag(report, container, digests);
  report.log = manifest.log;
  report.caseNumber = manifest.caseNumber;
  report.recipient = manifest.recipient;
  const opened = await checkSignatures(report, container, trusted);
  await checkStamps(report, container, opened, trusted);
  const timeline = new TimelineMaker(manifest, digests);
  if (opened !== null) {
    await checkGrowth(report, container, opened, trusted);
    await new LogChecks(report, container, manifest, opened, digests, timeline).run(trusted, tell);
  }
  await checkBrought(report, manifest, digests, trust.footage ?? [], async (file) => {
    const region = { blob: file, parts: [{ name: "", start: 0, end: file.size }] };
    return (await hasher.all([region], () => undefined)).get("") ?? null;
  });
  tell({ stage: "checks", done: 1, total: 1 });
  return report.told(timeline.told());
}

async function hashPayload(container: Container, hasher: Hasher, tell: Tell): Promise<Map<string, Bytes>> {
  const found = await hasher.all(container.regions("data/"), (done, total) => tell({ stage: "hashing", done, total }));
  return new Map([...found].map(([name, digest]) => [name, digest ?? (new Uint8Array() as Bytes)]));
}

/** Checks 5 to 12 and 15, which stand on the entries. */
class LogChecks {
  constructor(
    private readonly report: PackageReport, private readonly container: Container, private readonly manifest: PackageManifest,
    private readonly opened: Checkpoint, private readonly digests: ReadonlyMap<string, Bytes>,
    private readonly timeline: TimelineMaker,
  ) {}

  async run(trust: Trusted, tell: Tell): Promise<void> {
    const { report, container } = this;
    let slices: Slices;
    let inclusion: Inclusion;
    let indexes: BigUint64Array;
    try {
      slices = parseSlices(await container.read(SLICES));
      inclusion = parseInclusion(await container.read(INCLUSION));
      indexes = parseIndexes(await container.read(INDEXES));
    } catch (error) {
      report.caught(ENTRIES, error);
      return;
    }
    if (inclusion.size !== this.opened.size) {
      report.find(CHAINS, "inclusion-failed", `the proofs are for ${inclusion.size} entries, not ${this.opened.size}`);
    }
    await this.checkContent(slices, inclusion, indexes, trust, tell);
  }

  private async checkContent(
    slices: Slices, inclusion: Inclusion, indexes: BigUint64Array, trust: Trusted, tell: Tell,
  ): Promise<void> {
    const { report, container, manifest, opened } = this;
    const content = contentDigest(this.digests);
    const entries = new EntryPass(report, opened, slices, inclusion);
    const segments = new SegmentCheck(report, manifest, this.digests);
    const exported = new ExportCheck(report, manifest, content);
    const disclosed = new DisclosureCheck(report, container);
    const exporters = new RegisteredExporters();
    const derived = new DerivedCheck(report, manifest, this.digests);
    const seals = new SealCheck(report, opened.origin);
    let snapshot: ReadRecord | null = null;
    try {
      await entries.follow(
        container.open(ENTRIES_FILE), indexes,
        (one) => {
          segments.take(one);
          exported.take(one);
          disclosed.take(one.record, exported.found);
          exporters.take(one.record);
          derived.take(one.index, one.record);
          seals.take(one);
          this.timeline.take(one);
          snapshot = one.index === slices.snapshot ? one.record : snapshot;
        },
        (done) => tell({ stage: "entries", done, total: indexes.length }),
      );
      seals.end();
    } catch (error) {
      report.caught(ENTRIES, error);
    }
    entries.end();
    derived.end(container.names);
    segments.end();
    exported.end();
    await disclosed.end();
    const heads = await checkSnapshot(report, container, slices.snapshot, snapshot);
    if (heads !== null) {
      checkEnds(report, segments.margins, heads, entries.states);
    }
    try {
      checkFiles(report, manifest, container.names, await container.read(PACKAGE_CSV));
    } catch (error) {
      report.caught(SEGMENTS, error);
    }
    await checkProofFiles(report, container, manifest, opened, segments.leaves);
    await checkSigner(report, container, manifest, content, trust, exporters, exported.atUs);
    checkEarlyCovers(report, manifest);
  }
}
