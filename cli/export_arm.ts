/**
 * The folder of an exported arm: its model in one of the formats, and beside it what makes it evidence: card, settings, lock, digests.
 *
 * @module
 */
import { dirname, join } from "node:path";
import {
  EMBED_FILE,
  ggufUsage,
  sentenceTransformersUsage,
  transformersUsage,
} from "../evals/export/usage.ts";
import { type CardSubject, modelCard } from "../evals/export/model_card.ts";
import { withoutFolders } from "../evals/export/settings_table.ts";
import { type Backbone, openBackbone } from "../lib/backbone/open.ts";
import { SAFETENSORS_SINGLE } from "../lib/backbone/safetensors.ts";
import { writeChecksums, type WrittenFile } from "../lib/export/checksums.ts";
import { ggufName, writeGguf } from "../lib/export/gguf.ts";
import { writeSentenceTransformers } from "../lib/export/sentence_transformers.ts";
import { isThere } from "../lib/files.ts";
import { repoNamed } from "../lib/hub/repo.ts";
import { writeFileAtomic } from "../lib/journal/atomic.ts";
import { RunDocument } from "../lib/journal/layout.ts";
import { digestFile } from "../lib/manifest/hash.ts";
import { fromLeaves, leavesOf, LOCATION_LEAVES } from "../lib/manifest/leaves.ts";
import { Prompter } from "../lib/rollout/prompt.ts";
import type { ExportFormat } from "./export.ts";
import { type ExportedArm, requireEvaluated } from "./exported_arm.ts";
import type { CommandIo } from "./io.ts";
import { evaluationEmbedding, type Reading, readingOf } from "./model.ts";

/** Formats of an arm. */
type ArmFormat = Exclude<ExportFormat, "ro-crate">;

/** What writing a model gives for its card. */
type Written = Pick<CardSubject, "library" | "task" | "scores" | "usage">;

/**
 * Writes everything into an empty folder.
 *
 * @param onWritten gets every file with its digest
 * @returns what a user should know
 */
export async function exportArm(
  arm: ExportedArm,
  format: ArmFormat,
  folder: string,
  onWritten: (files: readonly WrittenFile[]) => void,
  io: CommandIo,
): Promise<string[]> {
  const { files, documents: { stored, lock, backboneName }, plan, checkpoint } = arm;
  io.progress.note(`writing ${format}`);
  const model = await openBackbone(files.path(checkpoint));
  try {
    const { manifest } = stored, repo = isThere(manifest.backbone) ? undefined : repoNamed(manifest.backbone);
    const backbone = backboneName ?? withoutFolders(manifest.backbone);
    const written = await writers[format](arm, model, folder);
    // What was written has been read from the weights that are digested now.
    requireEvaluated(arm, digestFile(files.path(`${checkpoint}/${SAFETENSORS_SINGLE}`)).sha256);
    io.signal.throwIfAborted();
    const card = modelCard({
      ...{ ...written, plan, stored, lock, backbone, base: written.scores.length === 0 ? null : arm.base },
      repo: repo?.type === "model" ? repo.id : null,
      checked: checkedSentence(arm),
    });
    writeFileAtomic(join(folder, "README.md"), card);
    writeFileAtomic(join(folder, RunDocument.lock), files.text(RunDocument.lock));
    writeFileAtomic(join(folder, RunDocument.intent), intentText(files.text(RunDocument.intent)));
    writeFileAtomic(join(folder, EMBED_FILE), embedText(arm));
    onWritten(writeChecksums(folder));
  } finally {
    model.close();
  }
  return format === "sentence-transformers" && plan.rationale
    ? [
      `"${plan.name}" writes rationales in the run; SentenceTransformer embeds texts alone, which the card says`,
    ]
    : [];
}

const writers: Readonly<
  Record<ArmFormat, (arm: ExportedArm, model: Backbone, folder: string) => Promise<Written>>
> = {
  hf: (arm, _model, folder) => {
    const { files, checkpoint, scores } = arm;
    for (const { path, kind } of files.below(checkpoint)) {
      if (kind !== "file") continue;
      const target = join(folder, path.slice(checkpoint.length + 1));
      Deno.mkdirSync(dirname(target), { recursive: true });
      Deno.copyFileSync(files.path(path), target);
    }
    requireEvaluated(arm, digestFile(join(folder, SAFETENSORS_SINGLE)).sha256);
    const usage = transformersUsage(embeddingOf(arm, readingOf(arm.plan)));
    return Promise.resolve({ library: "transformers", task: "text-generation", scores, usage });
  },
  "sentence-transformers": async (arm, model, folder) => {
    const { plan: { manifest, rationale } } = arm;
    const embedding = embeddingOf(arm, { ...readingOf(arm.plan), rationale: false });
    const { promptTokens } = manifest.prompt, prompter = new Prompter(model, manifest.prompt);
    await writeSentenceTransformers(folder, {
      ...{ ...embedding, backbone: model, weights: model.tensors, prompter, promptTokens },
    });
    return {
      library: "sentence-transformers",
      task: "sentence-similarity",
      scores: rationale ? [] : arm.scores.filter(({ record }) => record.category !== "general"),
      usage: sentenceTransformersUsage(embedding),
    };
  },
  gguf: async (arm, model, folder) => {
    const { documents: { backboneName }, plan, scores } = arm;
    const name = `${backboneName ?? "model"}-${plan.name}`, file = ggufName(name);
    await writeGguf(join(folder, file), model, name);
    const usage = ggufUsage(embeddingOf(arm, readingOf(plan)), file);
    return { library: "gguf", task: "text-generation", scores, usage };
  },
};

function embeddingOf({ plan: { manifest } }: ExportedArm, reading: Reading) {
  const { pooling, normalize } = evaluationEmbedding(manifest, reading);
  return { prompt: manifest.prompt, pooling, normalize, rationale: reading.rationale };
}

/** The person's manifest without the folders of their machine; they are no part of a run's identity. */
function intentText(text: string): string {
  const leaves = [...leavesOf(JSON.parse(text))].map(([path, value]) =>
    [
      path,
      LOCATION_LEAVES.includes(path) && typeof value === "string" ? withoutFolders(value) : value,
    ] as const
  );
  return JSON.stringify(fromLeaves(leaves), null, 2) + "\n";
}

/** A manifest with which `embed` reads the exported weights as the arm does. */
function embedText({ plan }: ExportedArm): string {
  const { preset, seed, prompt, pooling, evaluation } = plan.manifest;
  const { templateSuffix } = readingOf(plan);
  const settings = { preset, seed, prompt, pooling: { ...pooling, templateSuffix }, evaluation };
  return JSON.stringify(settings, null, 2) + "\n";
}

/** What the checks came to. */
function checkedSentence({ checks }: ExportedArm): string {
  const ok = checks.filter(({ status }) => status === "ok").length;
  const open = checks.filter(({ status }) => status !== "ok").map(({ part, name }) => `${part}, ${name}`);
  const rest = open.length === 0 ? "" : `; not checked, or otherwise here: ${open.join("; ")}`;
  return `When this folder was written, ${ok} of ${checks.length} checks of the run held${rest}.`;
}
