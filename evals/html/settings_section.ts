/**
 * What a run compared: model, data, engine and versions, its arms, and every setting on which it departs from its preset, the
 * paper or the released code.
 *
 * @module
 */
import type { PlannedArm } from "../../lib/manifest/arms.ts";
import { canonicalJson } from "../../lib/manifest/canonical.ts";
import { presetControls } from "../../lib/manifest/controls.ts";
import { PROTOCOL_SETTINGS, type ProtocolSetting } from "../../lib/manifest/departures.ts";
import { type Difference, diffManifests } from "../../lib/manifest/diff.ts";
import { DEFECTS, DISCREPANCIES } from "../../lib/manifest/discrepancies.ts";
import type { StoredManifest } from "../../lib/manifest/identity.ts";
import { leavesOf, LOCATION_LEAVES } from "../../lib/manifest/leaves.ts";
import type { Lock } from "../../lib/manifest/lock.ts";
import { presetManifest, sizeDepartures } from "../../lib/manifest/presets.ts";
import { dosage } from "../../lib/train/data_order.ts";
import type { Suite } from "../suite.ts";
import { type Content, lines, type Markup, markup } from "./markup.ts";
import { details, htmlList, htmlTable } from "./table.ts";

/** What a report knows of a run besides its numbers. */
export interface RunFacts {
  /** Name of its folder. */
  readonly folder: string;
  /** Name of the backbone. */
  readonly backbone: string;
  readonly settings: StoredManifest;
  readonly lock: Lock;
  readonly plans: readonly PlannedArm[];
  readonly suite: Suite;
  /** Number of training examples. */
  readonly examples: number;
  /** What the trained arms saw, in a sentence; empty if none was trained. */
  readonly exposure: string;
}

/** The section's content. */
export function settingsSection(facts: RunFacts): Markup {
  const departures = presetDepartures(facts), protocol = protocolRows(facts);
  return lines([
    identityList(facts),
    armTable(facts),
    departureTable(departures, facts),
    sizeTable(facts),
    protocolTable(protocol, facts),
    meaningList([...departures, ...protocol].flatMap(({ ids }) => ids)),
    inputTable(facts),
  ]);
}

const code = (text: string) => markup`<code>${text}</code>`;

function identityList({ settings, lock, backbone, suite, examples, exposure }: RunFacts): Markup {
  const { manifest, identity, provenance } = settings, { tool, engine } = lock;
  const trained = exposure === "" ? [] : [[
    "Training data",
    markup`${code(manifest.data.train)}, ${manifest.data.kind}, ${examples} examples. ${exposure}`,
  ]] as const;
  return htmlList([
    ["Identity", code(identity)],
    ["Preset", markup`${code(manifest.preset)} (${originOf(provenance["preset"]!)})`],
    ["Backbone", code(backbone)],
    ["Evaluated on", markup`suite ${code(suite.id)}, ${suite.about}`],
    ...trained,
    ["Seed", manifest.seed],
    ["Program", markup`grace-repro ${tool.version}, source ${code(tool.source)}`],
    [
      "Engine",
      `${engine.device}, ${engine.runtime}${
        engine.threads > 0 ? `, ${engine.threads} threads` : ""
      }; ${engine.cpu}; Deno ${engine.deno}`,
    ],
  ]);
}

function armTable({ settings: { manifest }, plans }: RunFacts): Markup {
  const reasons = new Map<string, string>(
    presetControls(manifest.preset, manifest.data.kind).map(({ name, why }) => [name, why]),
  );
  return htmlTable({
    title: "Arms",
    head: ["arm", "weights", "rationale", "differs by", "why"],
    rows: plans.map(({ name, root, training, rationale, manifest: own }) => {
      const control = manifest.controls[name];
      const changes = Object.entries(control?.set ?? {}).map(([path, value]) => `${path} = ${shown(value)}`);
      return [
        name,
        training === null
          ? "untrained"
          : `${training.name === name ? "trained" : `of ${training.name}`}, ${
            dosage(training.arm, training.manifest).steps
          } steps`,
        rationale ? `at temperature ${own.evaluation.temperature}` : "none",
        control === undefined ? "" : [control.of, ...changes].join(", "),
        reasons.get(name) ?? (name === root ? MEANING[root] : ""),
      ];
    }),
    textColumns: 5,
  });
}

const MEANING: Readonly<Record<PlannedArm["root"], string>> = {
  base: "the untouched model, text alone",
  reasoning: "the untouched model, which writes a rationale first",
  cl: "the contrastive baseline",
  grace: "GRACE: trained by reinforcement to write rationales that embed well",
};

/** Where a value came from; of a manifest not the path, which is one of somebody's machine. */
function originOf(source: string): string {
  return /^(preset |default |--|the run of )/.test(source) ? source : "grace.json";
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : canonicalJson(value);
}

/** In what the settings are not the preset's. Where things lie is left out: it is told by the digests of what lay there. */
function presetDepartures({ settings }: RunFacts): Difference[] {
  const { preset, data } = settings.manifest;
  return diffManifests({ manifest: presetManifest(preset, data.kind), provenance: {} }, settings)
    .filter(({ path }) => !LOCATION_LEAVES.includes(path));
}

function departureTable(departures: readonly Difference[], { settings }: RunFacts): Markup {
  if (departures.length === 0) return markup`<p>Every setting is the preset's.</p>`;
  return htmlTable({
    title: `Settings that are not those of the preset ${settings.manifest.preset}`,
    head: ["setting", "preset", "here", "set by", "about"],
    rows: departures.map(({ path, left, right, ids }) => [
      code(path),
      left === null ? "not there" : shown(left.value),
      right === null ? "not there" : shown(right.value),
      right === null ? "" : originOf(right.source),
      references(ids),
    ]),
    textColumns: 5,
  });
}

function sizeTable({ settings: { manifest: { preset } } }: RunFacts): Content {
  const sizes = sizeDepartures(preset);
  if (sizes.length === 0) return null;
  return details(
    `How the preset ${preset} departs from fixed: ${sizes.length} settings`,
    htmlTable({
      title: `The preset ${preset} beside fixed`,
      head: ["setting", "value", "why"],
      rows: sizes.map(({ path, value, why }) => [code(path), shown(value), why]),
      textColumns: 3,
    }),
  );
}

/** Settings on which paper and released code disagree, or this run with the paper. */
function protocolRows({ settings: { manifest } }: RunFacts): ProtocolSetting[] {
  const here = leavesOf(manifest), { kind } = manifest.data;
  return PROTOCOL_SETTINGS.filter(({ path, kind: about = kind, paper, code }) =>
    about === kind && (paper !== code || paper !== here.get(path))
  );
}

function protocolTable(rows: readonly ProtocolSetting[], { settings: { manifest } }: RunFacts): Markup {
  const here = leavesOf(manifest), away = rows.filter(({ path, paper }) => here.get(path) !== paper).length;
  return details(
    markup`Paper, released code and this run: ${rows.length} settings <small>${away} not as in the paper</small>`,
    htmlTable({
      title: "The protocol of the paper's text, of its released code, and here",
      head: ["setting", "paper", "code", "here", "about", "why"],
      rows: rows.map(({ path, paper, code: released, ids, why }) => [
        code(path),
        shown(paper),
        shown(released),
        shown(here.get(path)),
        references(ids),
        why,
      ]),
      textColumns: 6,
    }),
  );
}

/** P and B numbers, led to what they mean. */
function references(ids: readonly string[]): Content {
  return ids.map((id, i) => markup`${i > 0 ? ", " : ""}<a href="#about-${id}">${id}</a>`);
}

function meaningList(ids: readonly string[]): Content {
  const known = [
    ...DISCREPANCIES.map(({ id, topic, paper, code }) => ({
      id,
      text: `${topic}. Paper: ${paper}. Code: ${code}`,
    })),
    ...DEFECTS.map(({ id, defect }) => ({ id, text: `Defect of the released code: ${defect}` })),
  ].filter(({ id }) => ids.includes(id));
  if (known.length === 0) return null;
  return details(
    "What the numbers P and B stand for",
    htmlList(known.map(({ id, text }) => [markup`<span id="about-${id}">${id}</span>`, text])),
  );
}

function inputTable({ lock }: RunFacts): Markup {
  const files = Object.entries(lock.inputs);
  return details(
    markup`Files that were read: ${files.length} <small>with SHA-256</small>`,
    htmlTable({
      title: "Files that were read",
      head: ["file", "SHA-256", "bytes", "rows"],
      rows: files.map(([name, { sha256, bytes, rows }]) => [code(name), code(sha256), bytes, rows ?? ""]),
      textColumns: 2,
    }),
  );
}
