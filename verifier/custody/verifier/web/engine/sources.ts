/* How the page hands a package over: a zip file, or the files of a dropped folder. */

import type { PackageSource, SourceFile } from "./api";
import { Container } from "./container";

export function fromZip(file: File): PackageSource {
  return { kind: "zip", name: file.name, file };
}

/** Paths with or without the outermost folder; it is taken off when all files lie in it and none of them is bagit.txt itself. */
export function fromFolder(files: Iterable<SourceFile>, name = ""): PackageSource {
  const found = [...files];
  const top = found[0]?.path.split("/")[0] ?? "";
  const wrapped = found.length > 0 && found.every((one) => one.path.startsWith(`${top}/`));
  const inside = wrapped ? found.map(({ path, file }) => ({ path: path.slice(top.length + 1), file })) : found;
  return { kind: "folder", name: name || (wrapped ? top : ""), files: inside };
}

/** The bytes of a member, e.g. for a <video>. Reads the directory of a zip and nothing else; refuses what check 1 refuses. */
export async function memberBlobs(source: PackageSource): Promise<(path: string) => Blob | undefined> {
  const container = await Container.open(source);
  return (path) => container.blob(path);
}
