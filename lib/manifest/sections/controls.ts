/**
 * Controls: further arms, each told by what it derives from and in what it differs.
 *
 * @module
 */
import { z } from "zod";
import { ARM_NAME } from "../names.ts";
import { integer } from "./leaf.ts";
import { advantage, loss, reward } from "./objective.ts";
import { evaluation, pooling, sampling } from "./texts.ts";
import { cl, lora, optimizer, train } from "./training.ts";

/** Sections that a control may set: those of how an arm is trained and read, not of what all arms have in common. */
const SECTIONS = { pooling, sampling, evaluation, reward, advantage, loss, optimizer, lora, train, cl };

/** Seed of every random number. */
export const seed = integer(0, 0xffff_ffff).describe("Seed of every random number of the run (32 bits).");

const settings: Record<string, z.ZodType> = { seed };
for (const [section, { shape }] of Object.entries(SECTIONS)) {
  for (const [key, schema] of Object.entries(shape)) settings[`${section}.${key}`] = schema as z.ZodType;
}

/** Paths that a control may set, such as "evaluation.temperature". */
export const CONTROL_SETTINGS: readonly string[] = Object.keys(settings);

/** Value of a setting of a control. */
type Value = string | number | boolean | readonly string[];

const control = z.strictObject({
  of: z.string().min(1).describe("What it derives from: base, reasoning, cl, grace or another control."),
  rationale: z.boolean().exactOptional().describe(
    "Whether a rationale is written before a text is embedded; left out: as what it derives from.",
  ),
  set: (z.strictObject(settings).partial() as unknown as z.ZodType<Record<string, Value>>).exactOptional()
    .describe(
      'Settings that differ from what it derives from, by path: {"evaluation.temperature": 0}. If training reads one ' +
        "of them, the control is trained by itself; else it is another reading of the same weights.",
    ),
});

/** See {@linkcode controls}. */
export type Control = z.infer<typeof control>;

/** Further arms by name. */
export const controls = z.record(
  z.string().regex(ARM_NAME, 'expected lower-case letters and digits, joined by "-" or "."'),
  control,
).describe(
  "Controls: further arms by name, to be listed in arms. Those of the preset stay; one with the same name is replaced.",
);
