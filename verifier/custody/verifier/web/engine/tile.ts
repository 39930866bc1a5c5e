/* Paths and shapes of C2SP tlog-tiles. A package has none; the forms are shared with other readers of the log by the vectors. */

import { Refused, shown } from "./errors";
import { MAX_TREE_SIZE } from "./tree";

const PATH = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

export interface TilePath {
  /** Tile level, or `entries` for a bundle. */
  readonly level: string;
  readonly index: bigint;
  readonly width: number;
}

export function parseTilePath(path: string): TilePath {
  const match = PATH.exec(path);
  const bad = (why: string) => new Refused("tile-path-malformed", `${why}: ${shown(path, 64)}`);
  if (match === null) {
    throw bad("not a tile path");
  }
  const [, level, spelled, partial] = match as unknown as [string, string, string, string | undefined];
  const index = BigInt(spelled.replaceAll(/[x/]/g, ""));
  const width = Number(partial ?? 256);
  if (index > MAX_TREE_SIZE / 256n || (partial !== undefined && width >= 256) || (level !== "entries" && Number(level) > 63)) {
    throw bad("no tile has this level, index or width");
  }
  if (spelled.startsWith("x000")) {
    throw bad("the tile index has needless zeroes");
  }
  return { level, index, width };
}

/** Tiles of a tree of `size` entries that are partial or above level 0, as level/index/width. */
export function edgeTiles(size: bigint): string[] {
  const found: string[] = [];
  for (let level = 0; size; level++, size >>= 8n) {
    for (let index = level ? 0n : size >> 8n; index << 8n < size; index++) {
      const rest = size - (index << 8n);
      found.push(`${level}/${index}/${rest < 256n ? rest : 256n}`);
    }
  }
  return found;
}
