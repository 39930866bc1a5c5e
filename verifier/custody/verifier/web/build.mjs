// Builds verify.html: one file with its script and style inside, under a Content-Security-Policy that allows nothing else.
//
//   node build.mjs          writes verify.html beside this file
//   node build.mjs FILE     writes FILE (a test compares it with the committed one)
//
// The same sources give the same bytes: the tools are pinned by package-lock.json, and nothing here reads a clock, the
// environment or the name of a folder. The digest of the sources stands in the file; a test compares it without node.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const SINGLE = ["build.mjs", "code_texts.json", "package-lock.json", "package.json", "tsconfig.json"];
const FOLDERS = ["engine", "page"];
const ENDINGS = [".ts", ".css", ".html", ".txt"];

const POLICY = (script, style) =>
  [
    "default-src 'none'", // no connection, no frame, no font, no plug-in
    `script-src 'sha256-${script}' 'wasm-unsafe-eval'`, // this script alone; compiled SHA-256 is WebAssembly
    "worker-src blob:", // hashing threads, from text inside this script
    "media-src blob:", // segments of the package, played from the disk
    "img-src data: blob:",
    `style-src 'sha256-${style}'`,
    "connect-src 'none'",
    "form-action 'none'",
    "base-uri 'none'",
  ].join("; ");

const sha256 = (data, encoding) => createHash("sha256").update(data).digest(encoding);

/** SHA-256 over `<sha256 of file>  <path>` lines, sorted by path, as sha256sum prints them. */
function sourcesDigest() {
  const found = FOLDERS.flatMap((folder) =>
    readdirSync(join(HERE, folder), { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile() && ENDINGS.some((ending) => one.name.endsWith(ending)))
      .map((one) => join(one.parentPath, one.name).slice(HERE.length + 1).replaceAll("\\", "/")),
  );
  const lines = [...SINGLE, ...found].sort().map((path) => `${sha256(readFileSync(join(HERE, path)), "hex")}  ${path}\n`);
  return sha256(lines.join(""), "hex");
}

const common = {
  absWorkingDir: HERE,
  bundle: true,
  write: false,
  minify: true,
  charset: "utf8",
  format: "iife",
  target: "es2022",
  legalComments: "none", // the licences of what is bundled stand in page/licences.txt
  logLevel: "warning",
};

/** The engine's worker as text: the page starts it from a blob, because a file:// page may not load a second file. */
async function engineWorker() {
  const made = await build({ ...common, entryPoints: ["engine/worker.ts"] });
  return made.outputFiles[0].text;
}

async function page() {
  const { version } = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));
  const sources = sourcesDigest();
  const define = {
    CUSTODY_VERSION: JSON.stringify(version),
    CUSTODY_SOURCES: JSON.stringify(sources),
    ENGINE_WORKER: JSON.stringify(await engineWorker()),
  };
  const made = await build({ ...common, define, entryPoints: ["page/main.ts"] });
  const script = made.outputFiles[0].text.trim();
  const style = (await build({ ...common, entryPoints: ["page/page.css"] })).outputFiles[0].text.trim();
  for (const [text, end] of [[script, "</script"], [style, "</style"]]) {
    if (text.toLowerCase().includes(end) || text.includes("<!--")) throw new Error(`the bundle holds ${end} or <!--`);
  }
  const parts = {
    POLICY: POLICY(sha256(script, "base64"), sha256(style, "base64")),
    VERSION: version,
    SOURCES: sources,
    LICENCES: readFileSync(join(HERE, "page/licences.txt"), "utf8").trim(),
    STYLE: style,
    SCRIPT: script,
  };
  const shell = readFileSync(join(HERE, "page/shell.html"), "utf8");
  return shell.replace(/\{\{([A-Z]+)\}\}/g, (_, name) => parts[name]);
}

writeFileSync(process.argv[2] ?? join(HERE, "verify.html"), await page());
