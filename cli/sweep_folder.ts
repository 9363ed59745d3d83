/**
 * The folder of a sweep: which run belongs to which cell, what became of it, and the report that is made from the runs' scores.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { MissingError, UsageError } from "#errors";
import { readScores } from "../evals/score_record.ts";
import { tableCsv } from "../evals/report_table.ts";
import { sweepMaps } from "../evals/sweep/heat_maps.ts";
import { renderSweep, type SweepReport, sweepTable } from "../evals/sweep/report.ts";
import { type SeedRun, sweepResults } from "../evals/sweep/results.ts";
import { isThere, readTextIfThere } from "../lib/files.ts";
import { writeFileAtomic } from "../lib/journal/atomic.ts";
import { RunDocument, scoresPath } from "../lib/journal/layout.ts";
import { type Grid, gridCells, valueText } from "../lib/manifest/grid.ts";
import { parseResolved, type StoredManifest } from "../lib/manifest/identity.ts";
import { leavesOf } from "../lib/manifest/leaves.ts";

/** Says which runs a sweep has. */
const PLAN = "sweep.plan.json";

const planSchema = z.strictObject({
  schema: z.literal("grace-sweep-plan/1"),
  grid: z.strictObject({
    settings: z.record(
      z.string(),
      z.array(z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).min(1),
    ),
    seeds: z.array(z.int().min(0)).min(1),
  }),
  base: z.string(),
  runs: z.array(z.strictObject({
    cell: z.string(),
    seed: z.int().min(0),
    folder: z.string().regex(/^[\w.-]+$/).nullable(),
    error: z.string().nullable(),
  })),
});

/** A run of a sweep: `folder` is null of one that was not begun, `error` says why one failed. */
export interface StoredRun {
  readonly cell: string;
  readonly seed: number;
  readonly folder: string | null;
  readonly error: string | null;
}

/** A sweep as it is stored. */
export interface StoredSweep {
  readonly grid: Grid;
  /** Name of the cell that the others are compared with. */
  readonly base: string;
  readonly runs: readonly StoredRun[];
}

/** Stores how far a sweep is. */
export function writePlan(out: string, plan: StoredSweep): void {
  const text = JSON.stringify({ schema: "grace-sweep-plan/1", ...plan }, null, 2) + "\n";
  writeFileAtomic(join(out, PLAN), text);
}

/**
 * Reads what {@linkcode writePlan} wrote.
 *
 * @throws {MissingError} if there is no sweep; {UsageError} if its plan is damaged
 */
export function readPlan(out: string): StoredSweep {
  const path = join(out, PLAN), text = readTextIfThere(path);
  if (text === undefined) {
    throw new MissingError(
      `"${out}" holds no sweep: there is no ${PLAN}`,
      "name the folder of a sweep with --out",
    );
  }
  try {
    const { schema: _, ...plan } = planSchema.parse(JSON.parse(text));
    return plan;
  } catch (cause) {
    throw new UsageError(`"${path}" is damaged`, "give the command again that made the sweep", { cause });
  }
}

/** The last file that a run writes: where it is, the run is finished. */
const LAST = "report.html";

/** Whether the run in a folder is finished. */
export function isFinished(folder: string): boolean {
  return isThere(join(folder, LAST));
}

/** A report in the forms that are printed. */
export interface PrintedSweep {
  /** Tables for people, and where their numbers are from. */
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

const BOOTSTRAP = { resamples: 2000, confidence: 0.95, seed: 0 } as const;

/**
 * Makes the report of a sweep from the scores of its runs, and writes it into the sweep's folder.
 *
 * @throws {UsageError} if a run's folder is not that of its cell, or runs cannot be compared
 */
export async function writeSweepReport(out: string, plan: StoredSweep): Promise<PrintedSweep> {
  const { grid, base, runs } = plan, cells = gridCells(grid);
  const finished = runs.flatMap(({ cell, seed, folder }) =>
    folder !== null && isFinished(join(out, folder)) ? [{ cell, seed, folder: join(out, folder) }] : []
  );
  const results = await sweepResults(finished.map(seedRun), {
    arms: armsOf(finished, grid),
    cells: cells.map(({ name }) => name),
    base,
    bootstrap: BOOTSTRAP,
  });
  const report: SweepReport = {
    settings: Object.keys(grid.settings),
    cells: cells.map(({ name, set }) => ({ name, values: Object.values(set).map(valueText) })),
    base,
    bootstrap: BOOTSTRAP,
    results,
    runs: runs.length,
    missing: runs.flatMap(({ cell, seed, folder, error }) =>
      folder !== null && isFinished(join(out, folder)) ? [] : [{ cell, seed, why: error ?? "not finished" }]
    ),
  };
  const json = { schema: "grace-sweep/1", grid, base, bootstrap: BOOTSTRAP, runs, results };
  const maps = sweepMaps(report, grid);
  writeFileAtomic(join(out, "sweep.md"), renderSweep(report, "markdown"));
  writeFileAtomic(join(out, "sweep.csv"), tableCsv(sweepTable(report)));
  writeFileAtomic(join(out, "sweep.json"), JSON.stringify(json, null, 2) + "\n");
  if (maps !== null) writeFileAtomic(join(out, "sweep.svg"), maps);
  else if (isThere(join(out, "sweep.svg"))) Deno.removeSync(join(out, "sweep.svg"));
  const behind = results.length === 0 ? "" : `\nEvery number above comes from the runs in ${out}`;
  return { text: (renderSweep(report, "text") + behind).trimEnd(), json };
}

interface FinishedRun {
  readonly cell: string;
  readonly seed: number;
  readonly folder: string;
}

function seedRun({ cell, seed, folder }: FinishedRun): SeedRun {
  return { cell, seed, scores: (arm) => readScores(join(scoresPath(folder), arm)) };
}

/** The arms of all runs, after a look at whether each run's settings are those of its cell. */
function armsOf(runs: readonly FinishedRun[], grid: Grid): readonly string[] {
  let arms: readonly string[] | undefined;
  for (const { cell, seed, folder } of runs) {
    const { manifest } = settingsIn(folder), leaves = leavesOf(manifest);
    const { set } = gridCells(grid).find(({ name }) => name === cell) ?? {};
    const other = Object.entries({ ...set, seed }).find(([path, value]) =>
      JSON.stringify(leaves.get(path)) !== JSON.stringify(value)
    );
    if (set === undefined || other !== undefined) {
      throw new UsageError(
        `"${folder}" is not the run of "${cell}" with seed ${seed}${
          other === undefined ? "" : `: its "${other[0]}" is another`
        }`,
        "give the command again that made the sweep",
      );
    }
    arms ??= manifest.arms;
    if (manifest.arms.join() !== arms.join()) {
      throw new UsageError(
        `the runs of the sweep have not the same arms: "${folder}" has ${manifest.arms.join(", ")}`,
        "give the command again that made the sweep",
      );
    }
  }
  return arms ?? [];
}

function settingsIn(folder: string): StoredManifest {
  const path = join(folder, RunDocument.resolved);
  return parseResolved(readTextIfThere(path) ?? "", path);
}
