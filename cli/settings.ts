/**
 * From the options of a command to a resolved manifest: a flag beats the file, the file beats the preset.
 *
 * @module
 */
import { MissingError } from "#errors";
import type { Arm, DeviceName, Preset } from "../lib/manifest/names.ts";
import type { Manifest } from "../lib/manifest/schema.ts";
import type { Override, ResolvedManifest } from "../lib/manifest/resolve.ts";

/** Options that are settings; what is undefined was not given. */
export interface SettingOptions {
  readonly manifest?: string | undefined;
  readonly preset?: Preset | undefined;
  readonly backbone?: string | undefined;
  readonly suite?: string | undefined;
  readonly arms?: readonly Arm[] | undefined;
  readonly steps?: number | undefined;
  readonly seed?: number | undefined;
  /** Even "auto", if given, takes the place of what a manifest says. */
  readonly device?: DeviceName | undefined;
}

/** Settings, and what was chosen to arrive at them. */
export interface Settings {
  readonly resolved: ResolvedManifest;
  /** Text of a manifest that alone gives these settings: what the file says, under what the command line says. */
  readonly intent: string;
}

/** Resolves the settings of a command. */
export async function settingsOf(options: SettingOptions): Promise<Settings> {
  const { loadManifest } = await import("../lib/manifest/parse.ts");
  const { fromLeaves, leavesOf } = await import("../lib/manifest/leaves.ts");
  const { resolveManifest } = await import("../lib/manifest/resolve.ts");
  const overrides: Override[] = [];
  const set = (path: string, value: unknown, source: string) => {
    if (value !== undefined) overrides.push({ path, value, source });
  };
  set("preset", options.preset, "--preset");
  set("backbone", options.backbone, "--backbone");
  set("suite", options.suite, "--suite");
  set("arms", options.arms === undefined ? undefined : [...options.arms], "--arms");
  set("train.steps", options.steps, "--steps");
  set("cl.steps", options.steps, "--steps");
  set("seed", options.seed, "--seed");
  set("device", options.device, "--device");
  const { manifest } = options;
  const input = manifest === undefined ? {} : loadManifest(manifest);
  const resolved = resolveManifest(input, overrides, manifest);
  const chosen = [...leavesOf(input), ...overrides.map(({ path, value }) => [path, value] as const)];
  return { resolved, intent: JSON.stringify(fromLeaves(chosen), null, 2) + "\n" };
}

/**
 * The path of the model, which a command needs.
 *
 * @throws MissingError for the built-in one
 */
export function requireBackbone({ backbone }: Manifest): string {
  if (backbone !== "tiny") return backbone;
  throw new MissingError(
    'the built-in backbone "tiny" is not part of this version',
    "name a model with --backbone: a .gguf file or a Hugging Face folder",
  );
}

/** The folder of data sets, which a command needs. */
export function requireDataRoot(dataRoot: string | undefined): string {
  const root = dataRoot ?? Deno.env.get("GRACE_DATA_ROOT");
  if (root !== undefined) return root;
  throw new MissingError(
    "no folder with data sets is given",
    "name it with --data-root or GRACE_DATA_ROOT: it is laid out as <owner>/<name>/<split>.jsonl.gz",
  );
}
