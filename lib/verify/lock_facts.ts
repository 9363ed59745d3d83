/**
 * What in a lock follows from the settings, and what follows from a lock.
 *
 * @module
 */
import { HF_FILES } from "../backbone/hf_folder.ts";
import { RunDocument } from "../journal/layout.ts";
import type { Training } from "../manifest/arms.ts";
import { sha256Hex } from "../manifest/hash.ts";
import type { Lock } from "../manifest/lock.ts";
import type { Manifest } from "../manifest/schema.ts";
import { orderDigest } from "../train/data_order.ts";
import { type Check, runCheck } from "./check.ts";

/** Rows of a data file beyond which no order is computed: a stranger's lock may claim any number. */
const MOST_ROWS = 100e6;

/** Checks what a lock must have because of the settings. */
export function checkLock(
  lock: Lock,
  { prompt, data }: Manifest,
  trainings: readonly Training[],
): Promise<Check> {
  const file = RunDocument.lock;
  return runCheck("identity", `${file} has what follows from the settings`, "digests", (it) => {
    it.count();
    it.same({ file, field: "prompt.system" }, lock.prompt.system, sha256Hex(prompt.system));
    const examples = examplesOf(lock, data.train, trainings);
    it.count();
    if (trainings.length === 0) it.same({ file, field: "order" }, lock.order, orderDigest([], 0));
    else if (examples === undefined) {
      it.problem({ file, field: "order", what: "is that of no data file of the lock under these settings" });
    }
  });
}

/**
 * Number of training examples: the rows of the data file whose order the lock has.
 *
 * @returns undefined if there is none
 */
export function examplesOf(lock: Lock, train: string, trainings: readonly Training[]): number | undefined {
  if (trainings.length === 0) return 0;
  const named = lock.inputs[`data/${train}`]?.rows;
  const rows = Object.entries(lock.inputs).flatMap(([name, { rows }]) =>
    name.startsWith("data/") ? rows ?? [] : []
  );
  return [...new Set([...named === undefined ? [] : [named], ...rows])].find((count) =>
    count <= MOST_ROWS && trainings.every((training) => fills(count, training)) &&
    orderDigest(trainings, count) === lock.order
  );
}

/** Whether a number of examples is one that a training can have. */
function fills(examples: number, { arm, manifest }: Training): boolean {
  return examples >= (arm === "cl" ? manifest.cl.batch : manifest.train.promptsPerStep);
}

/** Files of the backbone in the order in which they are a part of its digest: as `lib/backbone/open.ts` lists them. */
export function lockedBackbone(lock: Lock): { name: string; sha256: string }[] {
  const files = Object.entries(lock.inputs).flatMap(([path, { sha256 }]) =>
    path.startsWith("backbone/") ? [{ name: path.slice("backbone/".length), sha256 }] : []
  );
  const order: readonly string[] = Object.values(HF_FILES);
  const rank = (name: string) => {
    const place = order.indexOf(name);
    return place >= 0 ? place : name.endsWith(".index.json") ? order.length : order.length + 1;
  };
  return files.sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
}
