/* Hashes many files by several workers. Owned by the worker that checks the package; ends with it. */

import type { Bytes } from "./codec";
import { SUBTLE_BYTES, hashFile } from "./file_hash";

const MAX_WORKERS = 8;
/** Files held in memory by all workers together; a file above SUBTLE_BYTES is read in pieces and counts as one. */
const MAX_HELD_BYTES = 1 << 30;
const PIECES_BYTES = 16 << 20;
/** Small files go to a worker in groups, or the messages would cost more than the hashing. */
const GROUP_BYTES = 8 << 20;
const GROUP_FILES = 64;

export interface HashJob {
  readonly role: "hash";
  readonly files: readonly Blob[];
}

/** Bytes hashed since the last message, or the digests of a whole job. */
export type HashAnswer = { readonly read: number } | { readonly digests: readonly (Bytes | null)[] };

interface Group {
  readonly names: string[];
  readonly files: Blob[];
  held: number;
}

export class HashPool {
  private workers: Worker[] = [];

  async all(
    files: ReadonlyMap<string, Blob>, progress: (done: number, total: number) => void,
  ): Promise<Map<string, Bytes | null>> {
    const groups = grouped(files);
    const total = [...files.values()].reduce((sum, file) => sum + file.size, 0);
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
          hashGroup(worker, group.files, read).then((digests) => {
            group.names.forEach((name, at) => found.set(name, digests[at] ?? null));
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

/** The largest first: a long file that begins last would keep one worker busy alone. */
function grouped(files: ReadonlyMap<string, Blob>): Group[] {
  const groups: Group[] = [];
  let open: Group | null = null;
  for (const [name, file] of [...files].sort(([, one], [, two]) => two.size - one.size)) {
    const held = file.size > SUBTLE_BYTES ? PIECES_BYTES : file.size;
    if (open === null || open.held + held > GROUP_BYTES || open.files.length >= GROUP_FILES) {
      open = { names: [], files: [], held: 0 };
      groups.push(open);
    }
    open.names.push(name);
    open.files.push(file);
    open.held += held;
  }
  return groups;
}

async function hashHere(files: readonly Blob[], read: (bytes: number) => void): Promise<(Bytes | null)[]> {
  const digests: (Bytes | null)[] = [];
  for (const file of files) {
    digests.push(await hashFile(file, read));
  }
  return digests;
}

function hashGroup(worker: Worker | null, files: readonly Blob[], read: (bytes: number) => void): Promise<readonly (Bytes | null)[]> {
  if (worker === null) {
    return hashHere(files, read);
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
    worker.postMessage({ role: "hash", files } satisfies HashJob);
  });
}

/** What a worker does in this role. */
export async function serveHashing(job: HashJob, answer: (message: HashAnswer) => void): Promise<void> {
  let unread = 0;
  const digests = await hashHere(job.files, (bytes) => {
    unread += bytes;
    if (unread >= PIECES_BYTES) {
      answer({ read: unread });
      unread = 0;
    }
  });
  answer({ read: unread });
  answer({ digests });
}
