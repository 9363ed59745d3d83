/**
 * Names that manifests and the command line share. They stand apart from the schema because loading its library takes
 * longer than all of `grace-repro --help`.
 *
 * @module
 */

/** Names of the presets; see `presets.ts` for their values and `departures.ts` for why they differ. */
export const PRESETS = ["paper", "code", "fixed", "smollm2-cpu"] as const;
/** Name of a preset. */
export type Preset = typeof PRESETS[number];

/** What can be compared, in the order of the table. */
export const ARMS = ["base", "reasoning", "cl", "grace"] as const;
/** One column of the comparison: an untouched or a trained model, read with or without a rationale. */
export type Arm = typeof ARMS[number];

/** Engines that can be asked for. */
export const DEVICES = ["auto", "cpu", "webgpu"] as const;
/** Name of an engine, or "auto". */
export type DeviceName = typeof DEVICES[number];
