/**
 * A stand-in for an evaluation: `deno run _suite_process.ts <data root> <folder> <calls> [<stage> <share> <delay>]`.
 *
 * It kills itself with SIGKILL in that stage, when that share of it is done, or so many milliseconds later.
 *
 * It evaluates stand-ins of a model on a suite with all stages. They finish what they are given in threes, the last of each three
 * first, and write a line into the file of calls after each. Progress goes to stdout, a line of JSON each, and at the end what the
 * evaluation did.
 */
import { ChecksumGenerator, TrigramEncoder } from "../fixtures/hashed_trigrams.ts";
import { sha256Hex } from "../lib/manifest/hash.ts";
import type { BatchOptions, Encoder, Generator } from "./encoder.ts";
import { findSuite } from "./find_suite.ts";
import { requestKey } from "./generation_store.ts";
import { runSuite, type SuiteProgress } from "./run_suite.ts";

const [dataRoot, out, calls, stage, share, delay] = Deno.args as [string, string, string, ...string[]];
const say = (line: object) => Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(line) + "\n"));
const log = Deno.openSync(calls, { append: true, create: true });
const finished = (what: string) => log.writeSync(new TextEncoder().encode(`${what}\n`));

/** Hands out results one by one, in another order than that of the requests. */
async function paced<Q, R>(
  asked: readonly Q[],
  { results, report, progress, nameOf }: {
    results: readonly R[];
    report: ((index: number, result: R) => void) | undefined;
    progress: BatchOptions["onProgress"];
    nameOf: (request: Q) => string;
  },
): Promise<readonly R[]> {
  const places = asked.map((_, i) => i).sort((a, b) => Math.floor(a / 3) - Math.floor(b / 3) || b - a);
  for (const [done, i] of places.entries()) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    report?.(i, results[i]!);
    finished(nameOf(asked[i]!));
    progress?.(done + 1, asked.length);
  }
  return results;
}

const trigrams = new TrigramEncoder();
const encoder: Encoder = {
  digest: trigrams.digest,
  dimension: trigrams.dimension,
  encode: async (texts, { onEncoded, onProgress } = {}) =>
    await paced(texts, {
      results: await trigrams.encode(texts),
      report: onEncoded,
      progress: onProgress,
      nameOf: (text) => `text ${sha256Hex(text)}`,
    }),
};

/** A program for the problems, and something that looks like an answer for the other questions. */
const answers = new ChecksumGenerator(
  "checksums",
  (prompt) => prompt.startsWith("def ") ? "    return x + 1\n" : "so #### 18",
);
const generator: Generator = {
  digest: answers.digest,
  generate: async (requests, { onAnswered, onProgress } = {}) =>
    await paced(requests, {
      results: await answers.generate(requests),
      report: onAnswered,
      progress: onProgress,
      nameOf: requestKey,
    }),
  logLikelihood: async (requests, { onAnswered, onProgress } = {}) =>
    await paced(requests, {
      results: await answers.logLikelihood(requests),
      report: onAnswered,
      progress: onProgress,
      nameOf: requestKey,
    }),
};

let doomed = false;
function progressed(progress: SuiteProgress): void {
  say(progress);
  if (doomed || progress.stage !== stage || progress.done < Math.floor(Number(share) * progress.total)) {
    return;
  }
  doomed = true;
  const die = () => Deno.kill(Deno.pid, "SIGKILL");
  if (Number(delay) > 0) setTimeout(die, Number(delay));
  else die();
}

const smoke = findSuite("smoke");
const suite = {
  ...smoke,
  entries: [...smoke.entries, { benchmark: "humaneval", options: { variant: "base" } } as const],
};
const { texts, requests, programs } = await runSuite({
  suite,
  dataRoot,
  out,
  encoder,
  generator,
  batchSize: 40,
  onProgress: progressed,
});
say({ texts, requests, programs });
