/**
 * From the options of `sweep` to the runs that it takes; what is wrong with any of them is said before the first begins.
 *
 * @module
 */
import { UsageError } from "#errors";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import {
  type Grid,
  type GridCell,
  gridCells,
  parseSetting,
  requireGrid,
  requireRead,
} from "../lib/manifest/grid.ts";
import { loadGrid } from "../lib/manifest/grid_file.ts";
import type { Leaf } from "../lib/manifest/leaves.ts";
import { type Settings, settingsOf } from "./settings.ts";
import type { SweepOptions } from "./sweep.ts";

/** A run of a sweep. */
export interface PlannedRun {
  readonly cell: GridCell;
  readonly seed: number;
  readonly settings: Settings;
}

/** All of a sweep. */
export interface SweepPlan {
  readonly grid: Grid;
  readonly cells: readonly GridCell[];
  /** Name of the cell that the others are compared with. */
  readonly base: string;
  /** All cells with the first seed, then all with the second: the whole grid is seen early. */
  readonly runs: readonly PlannedRun[];
}

/** What is asked for in one place only. */
type Asked = Omit<SweepOptions, "out" | "reportOnly">;

/**
 * Plans a sweep.
 *
 * @throws {UsageError} if a setting or a value is wrong, two options say the same thing, or there are too many runs
 */
export async function planSweep(options: Asked): Promise<SweepPlan> {
  const { sweep: _, file: _file, seeds: _seeds, maxRuns, base, ...settings } = options;
  const { set, seeds } = gridOf(options);
  requireOnce(options, Object.keys(set), seeds !== undefined);
  const first = await settingsOf({ ...settings, set: firstValues(set) });
  const grid: Grid = { settings: set, seeds: seeds ?? [first.resolved.manifest.seed] };
  requireGrid(grid);
  for (const [path, [value]] of Object.entries(set)) requireRead(first.resolved.manifest, path, value!);
  // Counted, not listed: there may be more than memory has room for.
  const size = Object.values(set).reduce((product, values) => product * values.length, 1);
  const count = size * grid.seeds.length;
  if (count > maxRuns) {
    throw new UsageError(
      `${size} cells with ${grid.seeds.length} seeds are ${count} runs, more than --max-runs ${maxRuns}`,
      `ask for fewer, or allow them with --max-runs ${count}`,
    );
  }
  const cells = gridCells(grid), runs: PlannedRun[] = [];
  for (const seed of grid.seeds) {
    for (const cell of cells) {
      runs.push({ cell, seed, settings: await settingsOf({ ...settings, seed, set: cell.set }) });
    }
  }
  requireDifferent(runs);
  return { grid, cells, base: cellNamed(cells, base), runs };
}

/** Settings and seeds, from the command line and the file. */
function gridOf(
  { sweep, file, seeds }: Asked,
): { set: Record<string, readonly Leaf[]>; seeds: number[] | undefined } {
  const written = file === undefined ? undefined : loadGrid(file);
  const set: Record<string, readonly Leaf[]> = { ...written?.set };
  for (const [path, values] of sweep.map(parseSetting)) {
    if (Object.hasOwn(set, path)) {
      throw new UsageError(`"${path}" is set twice`, "name all its values at once, in --set or in the file");
    }
    set[path] = values;
  }
  if (written?.seeds !== undefined && seeds !== undefined) {
    throw new UsageError(`--seeds together with the seeds in "${file}"`, "leave one of them out");
  }
  if (Object.keys(set).length === 0 && seeds === undefined && written?.seeds === undefined) {
    throw new UsageError(
      "nothing is swept",
      "name settings with --set, seeds with --seeds, or both in a --file",
    );
  }
  return { set, seeds: seeds?.map(seedOf) ?? (written?.seeds && [...written.seeds]) };
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= 0xffff_ffff) return seed;
  throw new UsageError(`"${text}" is no seed`, "name whole numbers from 0 to 4294967295 with --seeds");
}

/** Settings that an option sets, too. */
function requireOnce(
  { preset, backbone, steps, seed }: Asked,
  paths: readonly string[],
  hasSeeds: boolean,
): void {
  const given: readonly [unknown, string, readonly string[]][] = [
    [preset, "--preset", ["preset"]],
    [backbone, "--backbone", ["backbone"]],
    [steps, "--steps", ["train.steps", "cl.steps"]],
  ];
  for (const [value, option, own] of given) {
    const path = value === undefined ? undefined : own.find((path) => paths.includes(path));
    if (path !== undefined) {
      throw new UsageError(
        `"${path}" is swept, and ${option} sets it, too`,
        `leave ${option} out, or the setting`,
      );
    }
  }
  if (seed !== undefined && hasSeeds) {
    throw new UsageError("--seed together with seeds of the sweep", "leave --seed out");
  }
}

function firstValues(set: Readonly<Record<string, readonly Leaf[]>>): Record<string, Leaf> {
  return Object.fromEntries(
    Object.entries(set).flatMap(([path, [value]]) => value === undefined ? [] : [[path, value]]),
  );
}

/** Two cells of the same settings would be one run. */
function requireDifferent(runs: readonly PlannedRun[]): void {
  const seen = new Map<string, PlannedRun>();
  for (const run of runs) {
    // The preset's name only says where values came from.
    const { preset: _, ...settings } = run.settings.resolved.manifest, key = canonicalHash(settings);
    const same = seen.get(key);
    if (same !== undefined) {
      throw new UsageError(
        `"${same.cell.name}" and "${run.cell.name}" are the same settings`,
        "leave one of them out",
      );
    }
    seen.set(key, run);
  }
}

/**
 * The name of a cell, whatever the order of its settings; that of the first if undefined.
 *
 * @throws {UsageError} if there is no such cell
 */
export function cellNamed(cells: readonly Pick<GridCell, "name">[], base: string | undefined): string {
  if (base === undefined) return cells[0]!.name;
  const parts = (name: string) => name.split(",").map((part) => part.trim()).sort().join();
  const found = cells.find(({ name }) => parts(name) === parts(base));
  if (found !== undefined) return found.name;
  throw new UsageError(
    `the sweep has no cell "${base}" (--base)`,
    `its cells: ${cells.map(({ name }) => name).join(" ")}`,
  );
}
