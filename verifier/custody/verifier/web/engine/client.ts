/* The engine as the page calls it: one worker for each run, started from the text that the build put here. */

import type { EngineError, PackageSource, Report, Trust, VerifyOptions } from "./api";
import { fromFolder, fromZip } from "./sources";
import type { Answer, CheckJob, VectorJob } from "./worker";

/** The worker's script, put in by the build (`define`). */
declare const ENGINE_WORKER: string;

function failure(code: string, message: string): EngineError {
  return Object.assign(new Error(message), { code });
}

/**
 * Checks a package. Rejected with an EngineError when what the reader trusts cannot be read or the engine itself failed, with
 * the signal's reason when it was ended; everything that is wrong in the package is a finding.
 */
export function verifyPackage(source: PackageSource, trust: Trust, options: VerifyOptions = {}): Promise<Report> {
  return ask<Report>({ role: "check", source, trust }, options, (answer, resolve) => {
    if ("progress" in answer) {
      options.onProgress?.(answer.progress);
    } else if ("report" in answer) {
      resolve(answer.report);
    }
  });
}

/** Runs cases of tests/vectors: for each, `ok`, the code of the error, or `wrong: ...`. */
export function runVectors(cases: VectorJob["cases"]): Promise<readonly string[]> {
  return ask<readonly string[]>({ role: "vectors", cases }, {}, (answer, resolve) => {
    if ("vectors" in answer) {
      resolve(answer.vectors);
    }
  });
}

function ask<Result>(
  job: CheckJob | VectorJob, { signal }: VerifyOptions, take: (answer: Answer, resolve: (result: Result) => void) => void,
): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    const url = URL.createObjectURL(new Blob([ENGINE_WORKER], { type: "text/javascript" }));
    const worker = new Worker(url);
    // The address stays good for as long as the worker lives: it starts its hashing workers from it.
    const stop = (): void => {
      worker.terminate();
      URL.revokeObjectURL(url);
      signal?.removeEventListener("abort", aborted);
    };
    const aborted = (): void => {
      stop();
      reject(signal?.reason as Error);
    };
    if (signal?.aborted) {
      aborted();
      return;
    }
    signal?.addEventListener("abort", aborted);
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if ("error" in data) {
        stop();
        reject(failure(data.error.code, data.error.message));
      } else {
        take(data, (result) => {
          stop();
          resolve(result);
        });
      }
    };
    worker.onerror = (event) => {
      stop();
      reject(failure("engine-failed", event.message || "the worker could not be started"));
    };
    worker.postMessage(job);
  });
}

/** For programs that drive the page in a browser of their own: the tests, and whoever wants to check many packages. */
Object.assign(globalThis, { custodyEngine: { verifyPackage, runVectors, fromZip, fromFolder } });
