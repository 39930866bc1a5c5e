/* Hashes many files by several workers. Owned by the worker that checks the package; ends with it. */

import type { Bytes } from "./codec";
import type { Region } from "./container";
import { SUBTLE_BYTES, hashRegion } from "./file_hash";

const MAX_WORKERS = 8;
/** Held in memory by all workers together; a file above SUBTLE_BYTES is read in pieces and counts as two of them. */
const MAX_HELD_BYTES = 1 << 30;
const PIECES_BYTES = 32 << 20;
/** Small files go to a worker in groups, or the messages would cost more than the hashing. */
const GROUP_BYTES = 8 << 20;
const GROUP_REGIONS = 64;
const TOLD_BYTES = 16 << 20;

export interface HashJob {
  readonly role: "hash";
  readonly regions: readonly Region[];
}

/** Bytes hashed since the last message, or the digests of all parts of a whole job, region by region. */
export type HashAnswer = { readonly read: number } | { readonly digests: readonly (Bytes | null)[] };

interface Group {
  readonly regions: Region[];
  held: number;
}

export class HashPool {
  private readonly workers: Worker[] = [];

  /** Digests by name; null for a file that cannot be read. */
  async all(regions: readonly Region[], progress: (done: number, total: number) => void): Promise<Map<string, Bytes | null>> {
    const groups = grouped(regions);
    const total = regions.reduce((sum, region) => sum + bytesOf(region), 0);
    let done = 0;
    const read = (bytes: number) => progress((done += bytes), total);
    const found = new Map<string, Bytes | null>();
    const free = this.ready(groups.length);
    let held = 0;
    let running = 0;
    await new Promise<void>((resolve, reject) => {
      const next = (): void => {
        if (!groups.length && !running) {
          resolve();
        }
        while (groups.length && free.length && (!running || held + (groups[0] as Group).held <= MAX_HELD_BYTES)) {
          const group = groups.shift() as Group;
          const worker = free.pop() as Worker | null;
          running += 1;
          held += group.held;
          hashGroup(worker, group.regions, read).then((digests) => {
            group.regions.flatMap(({ parts }) => parts).forEach(({ name }, at) => found.set(name, digests[at] ?? null));
            running -= 1;
            held -= group.held;
            free.push(worker);
            next();
          }, reject);
        }
      };
      next();
    });
    return found;
  }

  /** Workers for so many jobs; one null, which stands for this thread, where no further worker may be started. */
  private ready(jobs: number): (Worker | null)[] {
    const wanted = Math.min(navigator.hardwareConcurrency || 2, MAX_WORKERS, jobs);
    try {
      while (this.workers.length < wanted) {
        this.workers.push(new Worker(self.location.href)); // the same text in another role
      }
    } catch {
      // Some browsers start no worker from a worker of a file:// page.
    }
    return this.workers.length ? [...this.workers] : [null];
  }
}

function bytesOf({ parts }: Region): number {
  return parts.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The largest first: a long file that begins last would keep one worker busy alone. */
function grouped(regions: readonly Region[]): Group[] {
  const groups: Group[] = [];
  let open: Group | null = null;
  for (const region of [...regions].sort((one, two) => two.blob.size - one.blob.size)) {
    const held = region.blob.size > SUBTLE_BYTES ? PIECES_BYTES : region.blob.size;
    if (open === null || open.held + held > GROUP_BYTES || open.regions.length >= GROUP_REGIONS) {
      open = { regions: [], held: 0 };
      groups.push(open);
    }
    open.regions.push(region);
    open.held += held;
  }
  return groups;
}

async function hashHere(regions: readonly Region[], read: (bytes: number) => void): Promise<(Bytes | null)[]> {
  const digests: (Bytes | null)[] = [];
  for (const region of regions) {
    digests.push(...(await hashRegion(region, read)));
  }
  return digests;
}

function hashGroup(
  worker: Worker | null, regions: readonly Region[], read: (bytes: number) => void,
): Promise<readonly (Bytes | null)[]> {
  if (worker === null) {
    return hashHere(regions, read);
  }
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<HashAnswer>) => {
      if ("read" in data) {
        read(data.read);
      } else {
        resolve(data.digests);
      }
    };
    worker.onerror = (event) => reject(new Error(`a hashing worker failed: ${event.message}`));
    worker.postMessage({ role: "hash", regions } satisfies HashJob);
  });
}

/** What a worker does in this role. */
export async function serveHashing(job: HashJob, answer: (message: HashAnswer) => void): Promise<void> {
  let unread = 0;
  const digests = await hashHere(job.regions, (bytes) => {
    unread += bytes;
    if (unread >= TOLD_BYTES) {
      answer({ read: unread });
      unread = 0;
    }
  });
  answer({ read: unread });
  answer({ digests });
}
