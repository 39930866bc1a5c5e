/*
 * Entry of the worker's bundle. One text, three roles, told by the first message: check a package, hash files for a worker that
 * checks one, run a test vector.
 */

import type { PackageSource, Progress, Report, Trust } from "./api";
import { Refused } from "./errors";
import { type HashAnswer, type HashJob, HashPool, serveHashing } from "./hash_pool";
import { checkPackage } from "./run";
import { runVector } from "./vectors";

export interface CheckJob {
  readonly role: "check";
  readonly source: PackageSource;
  readonly trust: Trust;
}

export interface VectorJob {
  readonly role: "vectors";
  readonly cases: readonly { readonly folder: string; readonly data: Uint8Array }[];
}

export type Answer =
  | { readonly progress: Progress }
  | { readonly report: Report }
  | { readonly vectors: readonly string[] }
  | { readonly error: { readonly code: string; readonly message: string } };

type Job = CheckJob | HashJob | VectorJob;

const PROGRESS_MS = 50;

function answer(message: Answer | HashAnswer): void {
  self.postMessage(message);
}

/** Progress at most every PROGRESS_MS, but each change of stage and each end. */
function paced(): (progress: Progress) => void {
  let last = 0;
  let stage = "";
  return (progress) => {
    const now = performance.now();
    if (progress.stage !== stage || progress.done === progress.total || now - last >= PROGRESS_MS) {
      last = now;
      stage = progress.stage;
      answer({ progress });
    }
  };
}

async function serve(job: Job): Promise<void> {
  switch (job.role) {
    case "hash":
      return serveHashing(job, answer);
    case "vectors":
      return answer({ vectors: job.cases.map(({ folder, data }) => runVector(folder, data)) });
    default:
      return answer({ report: await checkPackage(job.source, job.trust, new HashPool(), paced()) });
  }
}

self.onmessage = ({ data }: MessageEvent<Job>) => {
  serve(data).catch((error: unknown) => {
    const code = error instanceof Refused ? error.code : "engine-failed";
    answer({ error: { code, message: error instanceof Error ? error.message : String(error) } });
  });
};
