/**
 * The runs of a sweep, one after the other: those that are there are not run again, and one that fails does not end the others.
 *
 * @module
 */
import { join } from "node:path";
import { ExitCode, UsageError } from "#errors";
import { RunLock } from "../lib/journal/run_lock.ts";
import { gridCells } from "../lib/manifest/grid.ts";
import { openDevice } from "./device.ts";
import { explainError } from "./exit.ts";
import { runPrepared } from "./experiment.ts";
import type { CommandIo } from "./io.ts";
import { KnownOutputs } from "./known_outputs.ts";
import { type PreparedRun, prepareRun } from "./prepared_run.ts";
import { formatDuration } from "./progress.ts";
import { dataRootOf } from "./settings.ts";
import type { SweepOptions } from "./sweep.ts";
import {
  isFinished,
  readPlan,
  type StoredRun,
  type StoredSweep,
  writePlan,
  writeSweepReport,
} from "./sweep_folder.ts";
import { cellNamed, type PlannedRun, planSweep } from "./sweep_plan.ts";

/** Runs what is missing of a sweep and prints its report. */
export async function runSweep(options: SweepOptions, io: CommandIo): Promise<ExitCode> {
  const { out } = options;
  if (options.reportOnly) {
    requireNothingElse(options);
    const stored = readPlan(out), base = options.base ?? stored.base;
    await printReport(out, { ...stored, base: cellNamed(gridCells(stored.grid), base) }, io);
    return ExitCode.success;
  }
  const plan = await planSweep(options), dataRoot = dataRootOf(options.dataRoot);
  Deno.mkdirSync(out, { recursive: true });
  using _lock = RunLock.take(out);
  const { grid, base, cells, runs } = plan;
  io.progress.note(
    `sweep ${out}: ${runs.length} runs, ${cells.length} ${cells.length === 1 ? "cell" : "cells"} with ${
      grid.seeds.length === 1 ? `seed ${grid.seeds[0]}` : `the seeds ${grid.seeds.join(", ")}`
    }`,
  );
  for (const { name } of cells) if (name !== "") io.progress.note(`  ${name}`);
  const sweep = new Sweep(out, dataRoot, runs, io);
  const exitCode = await sweep.runAll((stored) => writePlan(out, { grid, base, runs: stored }));
  io.progress.end();
  await printReport(out, readPlan(out), io);
  return exitCode;
}

async function printReport(out: string, plan: StoredSweep, io: CommandIo): Promise<void> {
  const { text, json } = await writeSweepReport(out, plan);
  io.print(io.json ? JSON.stringify(json) : text);
}

/** Nothing is run, so nothing can be set. */
function requireNothingElse(
  { reportOnly: _, out: _out, base: _base, maxRuns: _max, sweep, ...rest }: SweepOptions,
) {
  const given = Object.entries(rest).find(([, value]) => value !== undefined);
  if (given === undefined && sweep.length === 0) return;
  const option = given === undefined
    ? "set"
    : given[0].replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UsageError(
    `--report-only together with --${option}`,
    "what was swept is stored in the sweep's folder: leave it out",
  );
}

/** The runs of a sweep, and what is known while they are made. */
class Sweep {
  readonly #known = new KnownOutputs();
  /** Milliseconds that the runs so far took. */
  readonly #took: number[] = [];
  #exitCode: ExitCode = ExitCode.success;

  constructor(
    readonly out: string,
    readonly dataRoot: string | undefined,
    readonly runs: readonly PlannedRun[],
    readonly io: CommandIo,
  ) {}

  /**
   * Runs all that are not there, and returns the exit code of the first failure.
   *
   * @param store takes note of what became of each run so far
   */
  async runAll(store: (runs: readonly StoredRun[]) => void): Promise<ExitCode> {
    const stored: StoredRun[] = this.runs.map(({ cell, seed }) => ({
      ...{ cell: cell.name, seed, folder: null, error: null },
    }));
    const change = (i: number, what: Partial<StoredRun>) => {
      stored[i] = { ...stored[i]!, ...what };
      store(stored);
    };
    for (const [i, run] of this.runs.entries()) {
      const begin = performance.now();
      const place = `run ${i + 1}/${this.runs.length}: ${run.cell.name}${
        run.cell.name === "" ? "" : ", "
      }seed ${run.seed}`;
      try {
        const isNew = await this.#run(run, place, (folder) => change(i, { folder }));
        if (isNew) this.#took.push(performance.now() - begin);
      } catch (error) {
        // What stops the first run before it begins would stop them all; and who interrupts one means them all.
        if (this.io.signal.aborted || stored[i]!.folder === null && i === 0) throw error;
        change(i, { error: this.#fail(error, place) });
      }
      this.#tellTime(i + 1);
    }
    return this.#exitCode;
  }

  /** Makes a run, and says whether there was anything to do. */
  async #run(run: PlannedRun, place: string, onFolder: (name: string) => void): Promise<boolean> {
    const { io, out, dataRoot } = this, { resolved, intent } = run.settings;
    io.signal.throwIfAborted();
    const device = await openDevice(resolved.manifest.device, io.progress);
    try {
      const prepared: PreparedRun = await prepareRun(resolved.manifest, dataRoot, device);
      try {
        const folder = join(out, prepared.name), isThere = isFinished(folder);
        onFolder(prepared.name);
        io.progress.note(isThere ? `${place}: there already, ${folder}` : place);
        if (!isThere) {
          await runPrepared(
            prepared,
            { resolved, intent, lockFile: null, frozen: false, dataRoot, out, device, known: this.#known },
            io,
          );
        }
        this.#known.add(folder);
        return !isThere;
      } finally {
        prepared.inputs.backbone.close();
      }
    } finally {
      device.dispose();
    }
  }

  /** Takes note of a failure and returns what it says. */
  #fail(error: unknown, place: string): string {
    const ending = explainError(error, { color: false, debug: false });
    if (this.#exitCode === ExitCode.success) this.#exitCode = ending.exitCode;
    const message = ending.text.trim().replace(/^error: /, "").replace(/\s*\n\s*/g, "; ");
    this.io.progress.note(`${place}: failed: ${message}`);
    return message;
  }

  #tellTime(done: number): void {
    const left = this.runs.length - done;
    if (left === 0 || this.#took.length === 0) return;
    const mean = this.#took.reduce((sum, one) => sum + one, 0) / this.#took.length / 1000;
    this.io.progress.note(
      `${done} of ${this.runs.length} runs; about ${formatDuration(mean)} a run, ${
        formatDuration(mean * left)
      } left`,
    );
  }
}
