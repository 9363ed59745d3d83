/**
 * Names that manifests and the command line share. They stand apart from the schema because loading its library takes
 * longer than all of `grace-repro --help`.
 *
 * @module
 */

/** Names of the presets; see `presets.ts` for their values and `departures.ts` for why they differ. */
export const PRESETS = ["paper", "code", "fixed", "smollm2-cpu", "tiny"] as const;
/** Name of a preset. */
export type Preset = typeof PRESETS[number];

/** What a manifest calls the backbone that is part of this program. */
export const EMBEDDED_BACKBONE = "tiny";

/** The arms of the paper's comparison; all others are controls, which derive from them. */
export const ARMS = ["base", "reasoning", "cl", "grace"] as const;
/** An untouched or a trained model, read with or without a rationale. */
export type Arm = typeof ARMS[number];

/** Arms that are trained. */
export type TrainedArm = "cl" | "grace";

/** A name that the four arms leave free: lower-case words, joined by "-" or ".", fit to be a folder. */
export const ARM_NAME = /^[a-z0-9]+([.-][a-z0-9]+)*$/;

/** Engines that can be asked for. */
export const DEVICES = ["auto", "cpu", "webgpu"] as const;
/** Name of an engine, or "auto". */
export type DeviceName = typeof DEVICES[number];
