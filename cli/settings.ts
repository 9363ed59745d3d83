/**
 * From the options of a command to a resolved manifest: a flag beats the file, the file beats the preset.
 *
 * @module
 */
import { basename, join, resolve } from "node:path";
import { MissingError, UsageError } from "#errors";
import type { SuiteChoice } from "../evals/find_suite.ts";
import { isFile, isFolder, readTextIfThere } from "../lib/files.ts";
import type { DeviceName, Preset } from "../lib/manifest/names.ts";
import type { Override, ResolvedManifest } from "../lib/manifest/resolve.ts";
import type { CommandIo } from "./io.ts";

/** Options that are settings; what is undefined was not given. */
export interface SettingOptions {
  readonly manifest?: string | undefined;
  readonly preset?: Preset | undefined;
  readonly backbone?: string | undefined;
  readonly suite?: string | undefined;
  /** Names of arms and controls. */
  readonly arms?: readonly string[] | undefined;
  /** Adds the manifest's fullArms to its arms. */
  readonly full?: true | undefined;
  readonly steps?: number | undefined;
  readonly seed?: number | undefined;
  /** Even "auto", if given, takes the place of what a manifest says. */
  readonly device?: DeviceName | undefined;
  /** Further settings by path, as `sweep --set` gives them. */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
}

/** Which settings an option gives: what most people change. */
const FLAGS = {
  backbone: ["backbone"],
  suite: ["suite"],
  arms: ["arms"],
  steps: ["train.steps", "cl.steps"],
  seed: ["seed"],
  device: ["device"],
} as const satisfies Partial<Record<keyof SettingOptions, readonly string[]>>;

/** Paths of the settings that options give. */
export const FLAG_SETTINGS: readonly string[] = Object.values(FLAGS).flat();

/** Settings, and what was chosen to arrive at them. */
export interface Settings {
  readonly resolved: ResolvedManifest;
  /** Text of a manifest that alone gives these settings: what the file says, under what the command line says. */
  readonly intent: string;
}

/**
 * Resolves the settings of a command.
 *
 * @throws {UsageError} if a setting is wrong, or arms are asked for in two ways
 */
export async function settingsOf(options: SettingOptions): Promise<Settings> {
  const { loadManifest } = await import("../lib/manifest/parse.ts");
  const { fromLeaves, leavesOf } = await import("../lib/manifest/leaves.ts");
  const { resolveManifest } = await import("../lib/manifest/resolve.ts");
  const overrides: Override[] = [];
  const set = (path: string, value: unknown, source: string) => {
    if (value !== undefined) overrides.push({ path, value, source });
  };
  const { manifest } = options;
  const input = manifest === undefined ? {} : loadManifest(manifest);
  set("preset", options.preset, "--preset");
  const backbone = options.backbone ?? input.backbone;
  if (!options.preset && !input.preset && backbone) {
    set("preset", await presetOfRun(backbone), "the run of this checkpoint");
  }
  for (const [name, paths] of Object.entries(FLAGS)) {
    for (const path of paths) set(path, options[name as keyof typeof FLAGS], `--${name}`);
  }
  for (const [path, value] of Object.entries(options.set ?? {})) set(path, value, "--set");
  if (options.full) {
    if (options.arms) {
      throw new UsageError("--full together with --arms", "list all arms, or leave --arms out");
    }
    const { arms, fullArms } = resolveManifest(input, overrides, manifest).manifest;
    set("arms", [...arms, ...fullArms.filter((name) => !arms.includes(name))], "--full");
  }
  const resolved = resolveManifest(input, overrides, manifest);
  const chosen = [...leavesOf(input), ...overrides.map(({ path, value }) => [path, value] as const)];
  return { resolved, intent: JSON.stringify(fromLeaves(chosen), null, 2) + "\n" };
}

/**
 * The settings of an evaluation, whose suite may be a choice of tasks or types.
 *
 * @throws {UsageError} as {@linkcode settingsOf}, or if there is no such suite or task
 */
export async function evaluationSettings(
  options: SettingOptions & Omit<SuiteChoice, "suite">,
): Promise<Settings> {
  const { findSuite, suiteId } = await import("../evals/find_suite.ts");
  const given = await settingsOf(options);
  const suite = suiteId(options, given.resolved.manifest.suite);
  return suite === options.suite ? given : await settingsOf({ ...options, suite: findSuite(suite!).id });
}

/** The preset of the run that a checkpoint belongs to: it is read as it was trained. */
async function presetOfRun(backbone: string): Promise<Preset | undefined> {
  const { checkpointStep, RunDocument } = await import("../lib/journal/layout.ts");
  const { parseResolved } = await import("../lib/manifest/identity.ts");
  const checkpoint = resolve(backbone);
  if (checkpointStep(basename(checkpoint)) === undefined) return undefined;
  const path = join(checkpoint, "../../../..", RunDocument.resolved);
  const text = readTextIfThere(path);
  // A checkpoint that was moved out of its run is a model like any other.
  if (text === undefined) return undefined;
  return parseResolved(text, path).manifest.preset;
}

/**
 * The folder of data sets, if one is given.
 *
 * @throws MissingError if the command line names one that is not there
 */
export function dataRootOf(dataRoot: string | undefined): string | undefined {
  if (dataRoot !== undefined && !isFolder(dataRoot)) {
    throw new MissingError(
      `there is no folder "${dataRoot}" (--data-root)`,
      "name the folder with the data sets",
    );
  }
  return dataRoot ?? (Deno.env.get("GRACE_DATA_ROOT") || undefined);
}

/** Tells that a folder was named for nothing: one that the environment names is there for all commands, and needs no remark. */
export function noteUnusedDataRoot(
  { dataRoot }: { readonly dataRoot?: string | undefined },
  suite: string,
  io: CommandIo,
): void {
  if (dataRoot === undefined) return;
  io.progress.note(
    `--data-root "${dataRoot}" is not read: all data of the suite "${suite}" come with the program`,
  );
}

/** Tells that a manifest lies here which nobody named: no command reads one unasked. */
export function noteUnreadManifest({ manifest }: SettingOptions, io: CommandIo): void {
  if (manifest !== undefined || !isFile("grace.json")) return;
  io.progress.note("grace.json is not read: name it with --manifest grace.json");
}
