/**
 * `grace-repro manifest`: the settings of a run, without running it.
 *
 * @module
 */
import type { ExitCode } from "#errors";
import type { Preset } from "../lib/manifest/names.ts";
import type { CommandIo } from "./io.ts";
import {
  backboneOption,
  dataRootOption,
  frozenOption,
  PRESET_RULE,
  presetOption,
  withRunSettings,
} from "./options.ts";
import type { SettingOptions } from "./settings.ts";
import { newCommand, nonBlank, type Syntax } from "./syntax.ts";

/** What `manifest init` was asked for. */
export interface InitOptions {
  readonly preset?: Preset | undefined;
  readonly backbone?: string | undefined;
  /** File to be made. */
  readonly out: string;
}

/** What `manifest show` was asked for. */
export interface ShowOptions extends SettingOptions {
  /** Only settings of which a preset has another value. */
  readonly changed?: true | undefined;
}

/** What `manifest lock` was asked for. */
export interface LockOptions extends SettingOptions {
  readonly dataRoot?: string | undefined;
  readonly frozen?: true | undefined;
}

/** What was asked for. */
export type ManifestRequest =
  | { readonly command: "init"; readonly options: InitOptions }
  | { readonly command: "show"; readonly options: ShowOptions }
  | { readonly command: "explain"; readonly key: string }
  | { readonly command: "lock"; readonly options: LockOptions }
  | { readonly command: "schema" };

const examples = [
  "grace-repro manifest init --preset fixed --backbone ./my-model",
  "grace-repro manifest show --manifest grace.json --changed",
  "grace-repro manifest explain reward.lambda2",
  "grace-repro manifest lock --manifest grace.json --data-root data",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function manifestSyntax(onParsed: (request: ManifestRequest) => void): Syntax {
  const command = newCommand("manifest", "settings of a run: begin, show, explain and lock them", examples);
  const parts: Syntax[] = [
    initSyntax((options) => onParsed({ command: "init", options })),
    showSyntax((options) => onParsed({ command: "show", options })),
    explainSyntax((key) => onParsed({ command: "explain", key })),
    lockSyntax((options) => onParsed({ command: "lock", options })),
    newCommand("schema", "the JSON schema of grace.json, on stdout", [
      "grace-repro manifest schema > grace.schema.json",
    ]).action(() => onParsed({ command: "schema" })),
  ];
  for (const part of parts) command.addCommand(part);
  return command;
}

function initSyntax(onParsed: (options: InitOptions) => void): Syntax {
  return newCommand("init", "write a small grace.json to begin with, and its schema beside it", [
    "grace-repro manifest init --backbone ./my-model",
    "grace-repro manifest init --preset paper --backbone ./my-model --out paper/grace.json",
  ])
    .addOption(presetOption())
    .addOption(backboneOption())
    .option("--out <file>", "file to make; never overwritten", nonBlank, "grace.json")
    .addHelpText("after", `\n${PRESET_RULE}`)
    .action(onParsed);
}

function showSyntax(onParsed: (options: ShowOptions) => void): Syntax {
  const command = newCommand("show", "every setting as run would use it, and where it came from", [
    "grace-repro manifest show --manifest grace.json",
    "grace-repro manifest show --preset fixed --changed",
    "grace-repro manifest show --manifest grace.json --steps 10 --json",
  ]);
  return withRunSettings(command)
    .option("--changed", "only settings of which the preset, paper or code has another value")
    .addHelpText("after", `\n${PRESET_RULE}`)
    .action(onParsed);
}

function explainSyntax(onParsed: (key: string) => void): Syntax {
  return newCommand("explain", "what a setting means, may be, and is in every preset", [
    "grace-repro manifest explain reward.negatives",
    "grace-repro manifest explain reward",
    "grace-repro manifest explain controls.grace-plain",
    "grace-repro manifest explain P5",
  ])
    .argument("<key>", "a setting, a section, a control of a preset, or a P or B number")
    .action((key) => onParsed(key));
}

function lockSyntax(onParsed: (options: LockOptions) => void): Syntax {
  const command = newCommand(
    "lock",
    "digest all that a run would read, and write grace.lock.json as run does",
    [
      "grace-repro manifest lock --manifest grace.json --data-root data",
      "grace-repro manifest lock --manifest grace.json --data-root data --frozen",
      "grace-repro manifest lock --backbone ./my-model --data-root data --json",
    ],
  );
  return withRunSettings(command)
    .addOption(dataRootOption())
    .addOption(frozenOption())
    .addHelpText(
      "after",
      `\n${PRESET_RULE}\nThe lock is kept beside the manifest; without one, nothing is written.`,
    )
    .action(onParsed);
}

/** Does what was asked for. */
export async function manifestCommand(request: ManifestRequest, io: CommandIo): Promise<ExitCode> {
  switch (request.command) {
    case "init":
      return await (await import("./manifest_init.ts")).initManifest(request.options, io);
    case "show":
      return await (await import("./manifest_show.ts")).showManifest(request.options, io);
    case "explain":
      return (await import("./manifest_explain.ts")).explainManifest(request.key, io);
    case "lock":
      return await (await import("./manifest_lock.ts")).lockManifest(request.options, io);
    case "schema":
      return (await import("./manifest_init.ts")).printSchema(io);
  }
}
