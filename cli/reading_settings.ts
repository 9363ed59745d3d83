/**
 * The settings that a backbone's embeddings depend on, and no other: what a baseline pins, so that a check reads another model in the
 * same way.
 *
 * @module
 */
import { z } from "zod";
import { UsageError } from "#errors";
import type { DeviceName } from "../lib/manifest/names.ts";
import { type Override, type ResolvedManifest, resolveManifest } from "../lib/manifest/resolve.ts";
import type { Manifest } from "../lib/manifest/schema.ts";
import { evaluation, pooling, prompt } from "../lib/manifest/sections/texts.ts";

/** Without a rationale, nothing is sampled and nothing of it is pooled. */
const plain = {
  prompt,
  pooling: pooling.pick({ input: true, templateSuffix: true, evaluationNormalize: true }),
};
/** With one, all is that is not for training alone. */
const pooled = { prompt, pooling: pooling.omit({ eos: true }) };

const readingSchema = z.union([
  z.strictObject({ kind: z.literal("backbone"), rationale: z.literal("none"), ...plain }),
  z.strictObject({
    kind: z.literal("backbone"),
    rationale: z.literal("written"),
    ...pooled,
    evaluation,
    seed: z.int().min(0),
  }),
  z.strictObject({
    kind: z.literal("backbone"),
    rationale: z.literal("given"),
    ...pooled,
    rationales: z.string().regex(/^[0-9a-f]{64}$/),
  }),
]);

/** How a backbone is read: without rationales, with those that it writes, or with those of a file (its SHA-256). */
export type ReadingSettings = z.infer<typeof readingSchema>;

/** What of a manifest an evaluation reads. */
export function readingSettings(
  { prompt, pooling, evaluation, seed }: Manifest,
  { rationale, rationales }: { readonly rationale: boolean; readonly rationales?: string | undefined },
): ReadingSettings {
  const { eos: _, ...pooled } = pooling, kind = "backbone";
  if (rationales !== undefined) return { kind, rationale: "given", rationales, prompt, pooling: pooled };
  if (rationale) return { kind, rationale: "written", prompt, pooling: pooled, evaluation, seed };
  const { input, templateSuffix, evaluationNormalize } = pooling;
  return { kind, rationale: "none", prompt, pooling: { input, templateSuffix, evaluationNormalize } };
}

/**
 * A manifest that reads a backbone as the settings say.
 *
 * @param source the file that has them, for provenance
 * @throws UsageError if they are not of this version
 */
export function manifestOf(
  settings: unknown,
  place: { readonly backbone: string; readonly suite: string; readonly device: DeviceName },
  source: string,
): { resolved: ResolvedManifest; reading: ReadingSettings } {
  const result = readingSchema.safeParse(settings);
  if (!result.success) {
    throw new UsageError(
      `"${source}": its settings are not those of this version`,
      "measure the trusted model again with this version into another file",
      { cause: result.error },
    );
  }
  const { kind: _, rationale, ...read } = result.data;
  const { rationales: _file, ...sections } = { rationales: undefined, ...read };
  const flags: Override[] = [
    { path: "backbone", value: place.backbone, source: "--backbone" },
    { path: "suite", value: place.suite, source },
    // Rules about other arms say nothing here.
    { path: "arms", value: [rationale === "none" ? "base" : "reasoning"], source },
    { path: "device", value: place.device, source },
  ];
  return { resolved: resolveManifest(sections, flags, source), reading: result.data };
}
