/**
 * `manifest show`: every setting as `run` would use it.
 *
 * @module
 */
import { ExitCode } from "#errors";
import type { Leaf } from "../lib/manifest/leaves.ts";
import type { Preset } from "../lib/manifest/names.ts";
import { PROTOCOLS, type SettingView, viewSettings } from "../lib/manifest/overview.ts";
import type { CommandIo } from "./io.ts";
import type { ShowOptions } from "./manifest.ts";
import { noteUnreadManifest, settingsOf } from "./settings.ts";
import { layOut, oneLine } from "./table.ts";

/** Prints the settings. */
export async function showManifest(options: ShowOptions, io: CommandIo): Promise<ExitCode> {
  const { resolved } = await settingsOf(options), { preset } = resolved.manifest;
  noteUnreadManifest(options, io);
  const all = viewSettings(resolved);
  const settings = options.changed ? all.filter(({ instead }) => Object.keys(instead).length > 0) : all;
  const presets = [...new Set<Preset>([preset, ...PROTOCOLS])];
  if (io.json) {
    io.print(JSON.stringify({
      schema: "grace-manifest/1",
      manifest: options.manifest ?? null,
      preset: { name: preset, source: resolved.provenance["preset"] },
      presets,
      settings,
    }));
  } else io.print(render(all, settings, presets, resolved.provenance["preset"]!));
  return ExitCode.success;
}

function render(
  all: readonly SettingView[],
  settings: readonly SettingView[],
  presets: readonly Preset[],
  source: string,
): string {
  const rows = settings.map(({ path, value, source, instead, ids }) => [
    path,
    short(value),
    oneLine(source),
    ...presets.map((preset) => instead[preset] === undefined ? "" : short(instead[preset])),
    ids.join(", "),
  ]);
  const [own] = presets;
  const counts = presets.map((preset) =>
    `${all.filter(({ instead }) => instead[preset] !== undefined).length} other than in ${preset}`
  );
  return [
    `Preset ${own} (${oneLine(source)}). Of ${all.length} settings and controls: ${counts.join(", ")}.`,
    "",
    ...layOut([["setting", "value", "from", ...presets, "about"], ...rows]),
    "",
    `Below ${
      list(presets)
    }: what that preset has instead. What P and B numbers stand for: manifest explain <number>.`,
    ...rows.some((row) => row.some((cell) => cell.endsWith("…")))
      ? ["Long values end with …; --json has them whole."]
      : [],
  ].join("\n");
}

/** Longest value that a column shows. */
const SHOWN = 28;

function short(value: Leaf | null): string {
  if (value === null) return "not there";
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text;
}

function list(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
