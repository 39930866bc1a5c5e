/* Check 2: the bag is whole. Also the hash of every payload file, which the later checks use. */

import { DECLARATION, type Digests, parseInfo, parseManifestLines } from "./bag";
import { type Bytes, compare, same, utf8 } from "./codec";
import type { Container } from "./container";
import { Refused } from "./errors";
import { sha256 } from "./hash";
import { BAGIT, BAG_INFO, MANIFEST, SCHEMA, TAGMANIFEST } from "./layout";
import { BAG, type PackageReport } from "./report";

const TAGS = [BAGIT, BAG_INFO, MANIFEST];
/** What no manifest lists, because it may be added to what was signed: nothing else may stand beside it. */
const BESIDE =
  /^(signatures\/(manifest\.dsse\.json|[0-9a-f]{64}(\.chain)?\.pem|[1-9][0-9]{0,3}\.crl\.pem)|timestamps\/manifest-[1-9][0-9]{0,3}\.tsr)$/;

/** `found`: the digests that the files really have, empty where one could not be read. */
export async function checkBag(report: PackageReport, container: Container, found: Digests): Promise<void> {
  report.done.add(BAG);
  try {
    compareFiles(report, parseManifestLines(await container.read(MANIFEST)), found);
    await checkTags(report, container);
    await checkInfo(report, container);
  } catch (error) {
    report.caught(BAG, error);
  }
}

function compareFiles(report: PackageReport, listed: Digests, found: Digests): void {
  for (const path of [...new Set([...listed.keys(), ...found.keys()])].sort(compare)) {
    const [said, real] = [listed.get(path), found.get(path)];
    if (real === undefined) {
      report.find(BAG, "file-missing", `${path} is listed and not there`, { path });
    } else if (said === undefined) {
      report.find(BAG, "file-extra", `${path} is there and not listed`, { path });
    } else if (!same(said, real)) {
      report.find(BAG, "file-altered", `${path} is not the file that was listed`, { path });
    }
  }
}

async function checkTags(report: PackageReport, container: Container): Promise<void> {
  const listed = parseManifestLines(await container.read(TAGMANIFEST));
  if ([...listed.keys()].sort().join("\n") !== [...TAGS].sort().join("\n")) {
    throw new Refused("bag-malformed", "the tag manifest lists other files than it should");
  }
  for (const path of TAGS) {
    if (!same(sha256(await container.read(path)), listed.get(path) as Bytes)) {
      report.find(BAG, "file-altered", `${path} is not the file that was listed`, { path });
    }
  }
  if (!same(await container.read(BAGIT), utf8(DECLARATION))) {
    throw new Refused("bag-malformed", "bagit.txt declares another version or encoding");
  }
  for (const path of container.names) {
    if (!path.startsWith("data/") && ![...TAGS, TAGMANIFEST].includes(path) && !BESIDE.test(path)) {
      report.find(BAG, "file-extra", `${path} does not belong to the package`, { path });
    }
  }
}

async function checkInfo(report: PackageReport, container: Container): Promise<void> {
  const info = parseInfo(await container.read(BAG_INFO));
  if (info.get("Custody-Package") !== SCHEMA) {
    throw new Refused("package-version", "bag-info.txt names another format");
  }
  const payload = container.below("data/");
  const total = payload.reduce((sum, path) => sum + container.size(path), 0);
  if (info.get("Payload-Oxum") !== `${total}.${payload.length}`) {
    report.find(BAG, "bag-oxum", "bag-info.txt counts other files or bytes than there are");
  }
}
