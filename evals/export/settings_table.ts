/**
 * What a trained arm was set to, as far as it departs from its preset.
 *
 * @module
 */
import { diffManifests } from "../../lib/manifest/diff.ts";
import type { Leaf } from "../../lib/manifest/leaves.ts";
import { LOCATION_LEAVES } from "../../lib/manifest/leaves.ts";
import { presetManifest } from "../../lib/manifest/presets.ts";
import { layOutMarkdown } from "../table_layout.ts";
import type { CardSubject } from "./model_card.ts";

/** Markdown: a table of every setting that departs, each with the preset's value and where it is from. */
export function settingsTable({ plan, stored }: Pick<CardSubject, "plan" | "stored">): string {
  const { preset, data: { kind } } = stored.manifest;
  const provenance = Object.fromEntries(Object.keys(stored.provenance).map((path) => [path, ""]));
  const rows = diffManifests(
    { manifest: presetManifest(preset, kind), provenance },
    { manifest: plan.manifest, provenance: stored.provenance },
  ).map(({ path, left, right }) => [
    `\`${path}\``,
    shown(path, right?.value),
    shown(path, left?.value),
    right?.source.startsWith("preset ") ? `control ${plan.name}` : withoutFolders(right?.source ?? ""),
  ]);
  const others = `settings are those of the preset \`${preset}\`, as this version of the program has it.`;
  if (rows.length === 0) return `All ${others}\n`;
  const head = ["setting", "value", "preset", "from"];
  return layOutMarkdown([{ title: "Departures from the preset", head, rows, textColumns: 4 }], [
    `All other ${others}`,
  ]);
}

/** A value; of a path on a person's machine only its last part, which tells nobody how their folders are called. */
function shown(path: string, value: Leaf | undefined): string {
  if (value === undefined) return "";
  const isPlace = LOCATION_LEAVES.includes(path) && typeof value === "string";
  const text = JSON.stringify(isPlace ? withoutFolders(value) : value);
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** An absolute path without the folders that it lies in; anything else as it is. */
export function withoutFolders(path: string): string {
  return /^(\/|~|[A-Za-z]:[\\/]|\\\\|\.\.?[\\/])/.test(path)
    ? path.split(/[\\/]/).filter(Boolean).at(-1) ?? path
    : path;
}
