/**
 * Whether the weights of a checkpoint are those that the run evaluated: the records of an evaluation begin with a digest that they are
 * a part of.
 *
 * @module
 */
import type { ExpectedDigests } from "../evals/verify_evaluation.ts";
import type { PlannedArm } from "../lib/manifest/arms.ts";
import { type Check, Checking, runCheck } from "../lib/verify/check.ts";
import { recordsIn } from "../lib/verify/journal_file.ts";
import type { RunFiles } from "../lib/verify/run_files.ts";

/** Logs of an evaluation, and what their headers name. */
const LOGS = { encoder: "rationales.jsonl", generator: "generations.jsonl" } as const;

/**
 * Checks the weights of a training.
 *
 * @param checkpoint folder of the checkpoint inside the run
 * @param weights their SHA-256
 * @param plans the arms that are evaluated with them
 * @param expected digests that an arm's records have if the weights are the evaluated ones
 */
export function checkEvaluatedWeights(
  files: RunFiles,
  { name, checkpoint, weights, plans }: {
    name: string;
    checkpoint: string;
    weights: string;
    plans: readonly PlannedArm[];
  },
  expected: (plan: PlannedArm) => ExpectedDigests,
): Promise<Check> {
  return runCheck("checkpoints", `${name}: weights are those that were evaluated`, "digests", (it) => {
    for (const plan of plans) {
      const digests = expected(plan);
      for (const kind of ["encoder", "generator"] as const) {
        const file = `scores/${plan.name}/${LOGS[kind]}`, stored = headerOf(files, file)?.[kind];
        if (stored === undefined || digests[kind] === undefined) continue;
        it.count();
        if (stored === digests[kind]) continue;
        const short = (digest: unknown) => `${String(digest).slice(0, 12)}…`;
        const what = `with SHA-256 ${short(weights)}, the ${kind} of ${file} would be ${
          short(digests[kind])
        }, not ${short(stored)}: other weights were evaluated, or under other settings`;
        it.problem({ file: `${checkpoint}/model.safetensors`, what });
      }
    }
    if (it.checked === 0) it.notReached("nothing was evaluated with them yet");
  });
}

/** The first record of a log; undefined if there is none. What is wrong with the file is told by the check of the scores. */
function headerOf(files: RunFiles, file: string): Record<string, unknown> | undefined {
  if (files.entry(file)?.kind !== "file") return undefined;
  for (const { record } of recordsIn(files, file, new Checking())) return record;
  return undefined;
}
