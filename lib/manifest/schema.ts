/**
 * The manifest of a run, section by section. One schema describes the resolved manifest, in which every setting has
 * a value; what a person writes (`grace.json`) is the same with every key optional.
 *
 * @module
 */
import { z } from "zod";
import { ARM_NAME, DEVICES, PRESETS } from "./names.ts";
import { controls, seed } from "./sections/controls.ts";
import { advantage, loss, reward } from "./sections/objective.ts";
import { data, evaluation, pooling, prompt, sampling } from "./sections/texts.ts";
import { cl, lora, optimizer, train } from "./sections/training.ts";

export { type Arm, ARMS, type Preset, PRESETS } from "./names.ts";

/** Names of arms and controls; `arms.ts` says which there are. */
const armNames = () => z.array(z.string().regex(ARM_NAME, "expected the name of an arm or a control"));

/** A manifest in which every setting has a value. */
export const manifestSchema = z.strictObject({
  preset: z.enum(PRESETS).describe(
    "Where unset values come from. paper: the text of arXiv 2510.04506; code: its released code; " +
      "fixed: known defects repaired; smollm2-cpu: fixed, sized for 135 M parameters on two cores; tiny: fixed, sized " +
      "for the built-in backbone. Unset: tiny if the backbone is tiny, else smollm2-cpu.",
  ),
  backbone: z.string().min(1).describe(
    "Model to start from: tiny (built in), the path of a HF folder or GGUF file, or the id of a model that was pulled.",
  ),
  suite: z.string().min(1).describe("Evaluation suite."),
  arms: armNames().min(1).describe("What to compare: base, reasoning, cl, grace, or names of controls."),
  fullArms: armNames().describe("What run --full adds to arms: names of arms or controls."),
  controls,
  seed,
  device: z.enum(DEVICES).describe(
    "Engine; auto: a hardware GPU if there is one, else cpu.",
  ),
  data,
  prompt,
  pooling,
  sampling,
  evaluation,
  reward,
  advantage,
  loss,
  optimizer,
  lora,
  train,
  cl,
});

/** A manifest in which every setting has a value. */
export type Manifest = z.infer<typeof manifestSchema>;

/** Every key optional, at every depth. */
export type DeepPartial<T> = T extends readonly unknown[] ? T
  : T extends object ? { [K in keyof T]?: DeepPartial<T[K]> | undefined }
  : T;

/** What a person writes: the settings that differ from the preset's. */
export type ManifestInput = DeepPartial<Manifest> & { $schema?: string | undefined };

/** Schema of {@linkcode ManifestInput}: `grace.json`. */
export const manifestInputSchema: z.ZodType<ManifestInput> = inputSchema();

function inputSchema(): z.ZodType<ManifestInput> {
  const shape: Record<string, z.ZodType> = {
    $schema: z.string().optional().describe("Location of the JSON schema, for editors."),
  };
  for (const [key, schema] of Object.entries(manifestSchema.shape)) {
    const description = schema.description!;
    shape[key] = schema instanceof z.ZodObject
      ? schema.partial().describe(description).optional()
      : schema.optional().describe(description);
  }
  return z.strictObject(shape) as unknown as z.ZodType<ManifestInput>;
}

/** JSON schema (draft 2020-12) of `grace.json`, for editors and validators. */
export function schemaJson(): Record<string, unknown> {
  return {
    $id: "grace.schema.json",
    title: "grace.json: manifest of a grace-repro run",
    ...z.toJSONSchema(manifestInputSchema),
  };
}
