/**
 * How far a run came: its stages in their order. A stage that is not complete although a later one was begun is a gap that no
 * interruption leaves.
 *
 * @module
 */
import { isLeftover } from "../journal/atomic.ts";
import { checkpointStep } from "../journal/layout.ts";
import { LOCK_FILE } from "../journal/run_lock.ts";
import type { PlannedArm } from "../manifest/arms.ts";
import { dosage } from "../train/data_order.ts";
import { type Check, runCheck } from "./check.ts";
import type { RunFiles } from "./run_files.ts";

/** A part of a run. */
export interface Stage {
  readonly kind: "train" | "evaluate" | "report";
  /** Arm or control; empty for the report. */
  readonly name: string;
  readonly state: "not begun" | "begun" | "finished";
  /** How far it is: "2 of 3 steps". */
  readonly how: string;
}

/**
 * The stages of a run in their order, and how far each is.
 *
 * @param tasks number of tasks that each evaluation has
 */
export function stagesOf(files: RunFiles, plans: readonly PlannedArm[], tasks: number): Stage[] {
  const trained = new Set<string>();
  const arms = plans.flatMap((plan): Stage[] => {
    const { training } = plan, isNew = training !== null && !trained.has(training.name);
    if (isNew) trained.add(training.name);
    return [...isNew ? [trainingStage(files, plan)] : [], evaluationStage(files, plan.name, tasks)];
  });
  const reports = files.names("").filter((name) => name.startsWith("report."));
  const state = reports.length > 0 ? "finished" : "not begun";
  return [...arms, { kind: "report", name: "", state, how: `${reports.length} files` }];
}

function trainingStage(files: RunFiles, { training }: PlannedArm): Stage {
  const { arm, name, manifest } = training!, { steps } = dosage(arm, manifest);
  const newest = newestCheckpoint(files, name), folder = files.entry(`arms/${name}`) !== undefined;
  const how = newest === undefined
    ? `no checkpoint of ${steps} steps`
    : `checkpoint at step ${newest} of ${steps}`;
  return {
    kind: "train",
    name,
    state: newest !== undefined && newest >= steps ? "finished" : folder ? "begun" : "not begun",
    how,
  };
}

/** Step of the newest checkpoint of an arm; undefined if there is none. */
export function newestCheckpoint(files: RunFiles, arm: string): number | undefined {
  const steps = files.names(`arms/${arm}/checkpoints`).flatMap((name) => checkpointStep(name) ?? []);
  return steps.length === 0 ? undefined : Math.max(...steps);
}

function evaluationStage(files: RunFiles, name: string, tasks: number): Stage {
  const scores = files.names(`scores/${name}/scores`).filter((file) => file.endsWith(".json")).length;
  const folder = files.names(`scores/${name}`).length > 0;
  return {
    kind: "evaluate",
    name,
    state: scores >= tasks ? "finished" : folder ? "begun" : "not begun",
    how: `${scores} of ${tasks} scores`,
  };
}

/** The check that no stage was left out, and that nothing lies in the folder that no run writes. */
export function checkStages(
  files: RunFiles,
  plans: readonly PlannedArm[],
  stages: readonly Stage[],
): Promise<Check> {
  return runCheck("files", "stages and files are those of a run", "files", (it) => {
    const entries = files.below("");
    it.count(entries.length);
    for (const { path, kind } of files.strange()) {
      it.problem({
        file: path,
        what: `is ${kind === "link" ? "a link" : "neither file nor folder"}: not followed, not read`,
      });
    }
    for (const { path } of entries) {
      const owner = stages.find(({ kind, name }) =>
        path.startsWith(`${kind === "train" ? "arms" : "scores"}/${name}/`)
      );
      const folder = /^(arms|scores)\/[^/]+$/.exec(path) !== null;
      const known = folder
        ? ownsFolder(plans, path)
        : owner !== undefined || TOP_LEVEL.test(path) || isLeftover(path);
      if (!known && !belowUnknown(path, plans)) {
        it.problem({ file: path, what: "is nothing that this run writes" });
      }
    }
    const last = stages.findLastIndex(({ state }) => state !== "not begun");
    for (const { kind, name, state, how } of stages.slice(0, Math.max(0, last))) {
      // What a checkpoint would show is checked on its own: weights are large, and are left out when a folder is handed on.
      if (state === "finished" || kind === "train" && state === "begun") continue;
      const next = describe(stages[last]!);
      it.problem({
        file: folderOf(kind, name),
        what: `is not complete (${how}), although ${next} was begun`,
      });
    }
    for (const { path } of entries.filter((entry) => isLeftover(entry.path))) {
      it.note(`${path} is an unfinished write`);
    }
    const done = stages.filter(({ state }) => state === "finished").length;
    if (done < stages.length) {
      const open = stages.filter(({ state }) => state !== "finished");
      it.note(
        `the run is not finished: ${
          open.map((stage) => `${describe(stage)} ${stage.state}, ${stage.how}`).join("; ")
        }`,
      );
    }
    const writing = writer(files);
    if (writing !== undefined) it.note(writing);
  });
}

/** What lies at the top of a run's folder. */
const TOP_LEVEL =
  /^(\.lock|grace\.json|grace\.lock\.json|manifest\.resolved\.json|report\.[^/]+|arms|scores)$/;

function ownsFolder(plans: readonly PlannedArm[], path: string): boolean {
  const [room, name] = path.split("/");
  return plans.some((plan) => room === "arms" ? plan.training?.name === name : plan.name === name);
}

/** What lies in a folder that was told of already. */
function belowUnknown(path: string, plans: readonly PlannedArm[]): boolean {
  const parts = path.split("/");
  if (/^(arms|scores)$/.test(parts[0]!)) {
    return parts.length > 2 && !ownsFolder(plans, parts.slice(0, 2).join("/"));
  }
  return parts.length > 1;
}

function describe({ kind, name }: Stage): string {
  return kind === "report" ? "the report" : `${kind === "train" ? "training" : "evaluation"} of ${name}`;
}

function folderOf(kind: Stage["kind"], name: string): string {
  return kind === "report" ? "report.txt" : `${kind === "train" ? "arms" : "scores"}/${name}`;
}

/** Whether a process writes to the folder, or ended without saying so. */
function writer(files: RunFiles): string | undefined {
  if (files.entry(LOCK_FILE)?.kind !== "file" || files.entry(LOCK_FILE)!.bytes === 0) return undefined;
  const pid = files.text(LOCK_FILE).slice(0, 20).trim();
  if (!/^\d+$/.test(pid)) return undefined;
  using file = Deno.openSync(files.path(LOCK_FILE), { read: true });
  let isFree = true;
  try {
    isFree = file.tryLockSync(false);
  } catch {
    // A file system without locks tells nothing.
  }
  return isFree
    ? `process ${pid} ended without closing the run`
    : `process ${pid} is writing to it: what is checked may change meanwhile`;
}
