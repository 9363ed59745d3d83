/**
 * What a run was made from, as far as it is here: backbone, data sets, program and engine, each compared with the lock.
 *
 * @module
 */
import type { Device } from "../kernels/device.ts";
import { findSuite } from "../evals/find_suite.ts";
import { requireScoringEngine } from "../evals/scoring_engine.ts";
import { type ResolvedTask, resolveSuite } from "../evals/suite.ts";
import { type Backbone, openBackbone } from "../lib/backbone/open.ts";
import { hfFolderFrame, hfFrameFiles } from "../lib/backbone/write.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { loadTraining } from "../lib/data/training.ts";
import { describeEngine, engineFacts } from "../lib/manifest/environment.ts";
import type { Lock } from "../lib/manifest/lock.ts";
import { verifyLock } from "../lib/manifest/verify.ts";
import { Prompter } from "../lib/rollout/prompt.ts";
import type { Example } from "../lib/train/session.ts";
import { type Check, type Checking, runCheck } from "../lib/verify/check.ts";
import type { RunDocuments } from "../lib/verify/documents.ts";
import { openDevice } from "./device.ts";
import { backboneInputs, dataInputs, promptFacts, toolFacts, trainingsOf } from "./inputs.ts";

/** Where inputs are looked for. */
export interface InputPlaces {
  /** Path or id of the backbone; that of the settings if undefined. */
  readonly backbone: string | undefined;
  readonly dataRoot: string | undefined;
}

/** Inputs that are here; only those are set that are what the lock says. */
export interface VerifiedInputs {
  readonly checks: Check[];
  readonly backbone?: Backbone;
  /** Files of a checkpoint beside its weights. */
  readonly frame?: ReadonlyMap<string, string | Uint8Array>;
  readonly tasks?: readonly ResolvedTask[];
  readonly examples?: readonly Example[];
  /** The engine of the lock, to be disposed of by the caller. */
  readonly device?: Device;
  /** In what program and machine differ from those of the run. */
  readonly elsewhere: readonly string[];
}

/** More threads than a machine has; a lock of a stranger may claim any number. */
const MOST_THREADS = 512;

/** Compares what is here with the lock. */
export async function verifyInputs(
  { stored, lock, plans }: RunDocuments,
  places: InputPlaces,
): Promise<VerifiedInputs> {
  const { manifest } = stored, mirror = new Mirror(places.dataRoot), training = trainingsOf(plans).length > 0;
  const found: { -readonly [K in keyof VerifiedInputs]: VerifiedInputs[K] } = { checks: [], elsewhere: [] };
  const keep = (check: Check) => (found.checks.push(check), check.status === "ok");

  let backbone: Backbone | undefined;
  const isBackbone = keep(
    await runCheck("inputs", `backbone ${places.backbone ?? manifest.backbone}`, "files", async (it) => {
      backbone = await openBackbone(places.backbone ?? manifest.backbone);
      const others = withPrefix(lock, "data/"), actual = { ...others, ...backboneInputs(backbone) };
      const prompt = promptFacts(manifest, backbone, new Prompter(backbone, manifest.prompt));
      compare(lock, { ...lock, inputs: actual, prompt }, backbone.files.length, it);
    }),
  );
  if (isBackbone) {
    found.backbone = backbone!;
    found.frame = hfFrameFiles({ ...hfFolderFrame(backbone!), dtype: "f32" });
  } else backbone?.close();

  let tasks: readonly ResolvedTask[] | undefined, examples: readonly Example[] | undefined;
  const named = new Set<string>();
  const ofData = (files: Parameters<typeof dataInputs>[0], it: Checking) => {
    const actual = dataInputs(files), locked = { ...lock, inputs: { ...actual } };
    for (const name of Object.keys(actual)) {
      named.add(name);
      const own = lock.inputs[name];
      if (own === undefined) delete locked.inputs[name];
      else locked.inputs[name] = own;
    }
    compare(locked, { ...locked, inputs: actual }, files.length, it);
  };
  const areTasks = keep(
    await runCheck("inputs", `data of the suite ${manifest.suite}`, "files", async (it) => {
      tasks = await resolveSuite(findSuite(manifest.suite), mirror);
      ofData(tasks.flatMap(({ files }) => files), it);
      requireScoringEngine(tasks);
    }),
  );
  if (areTasks) found.tasks = tasks!;
  if (training) {
    const areExamples = keep(
      await runCheck("inputs", `training data ${manifest.data.train}`, "files", async (it) => {
        const { rows, file } = await loadTraining(mirror, manifest.data);
        examples = rows;
        ofData([file], it);
        // Only when everything else was found is it known to be everything.
        if (areTasks) {
          const others = Object.keys(withPrefix(lock, "data/")).filter((name) => !named.has(name));
          for (const name of others) {
            it.problem({ file: "grace.lock.json", field: name, what: "no task of this run reads it" });
          }
        }
      }),
    );
    if (areExamples) found.examples = examples!;
  }
  const { checks, device } = await verifySurroundings(lock);
  found.checks.push(...checks);
  found.elsewhere = checks.filter(({ status }) => status === "differs").map(({ why }) => why!);
  if (device) found.device = device;
  return found;
}

/** Program and machine: where they are others, the folder is none the worse, but bits may come out otherwise. */
async function verifySurroundings(lock: Lock): Promise<{ checks: Check[]; device: Device | undefined }> {
  const program = await runCheck("inputs", "program", "digests", (it) => {
    const differences = verifyLock(lock, { ...lock, tool: toolFacts() });
    it.count(2);
    if (differences.length > 0) it.differs(differences.join("; "));
  });
  let device: Device | undefined;
  const machine = await runCheck("inputs", "machine", "facts", async (it) => {
    const { device: name, threads } = lock.engine, isKnown = name === "cpu" || name === "webgpu";
    if (!isKnown) it.differs(`the run's engine "${name.slice(0, 40)}" is not known here`);
    try {
      device = await openDevice(
        name as "cpu" | "webgpu",
        undefined,
        threads > 0 && threads <= MOST_THREADS ? threads : undefined,
      );
    } catch (error) {
      it.differs(`the run's engine cannot be had here: ${(error as Error).message}`);
    }
    const differences = verifyLock(lock, {
      ...lock,
      engine: describeEngine(engineFacts(device!.description)),
    });
    it.count(Object.keys(lock.engine).length);
    if (differences.length > 0) it.differs(differences.join("; "));
  });
  return { checks: [program, machine], device };
}

function withPrefix(lock: Lock, prefix: string): Lock["inputs"] {
  return Object.fromEntries(Object.entries(lock.inputs).filter(([name]) => name.startsWith(prefix)));
}

function compare(locked: Lock, actual: Lock, files: number, it: Checking): void {
  it.count(files);
  for (const what of verifyLock(locked, actual)) it.problem({ what });
}
