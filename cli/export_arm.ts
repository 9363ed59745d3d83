/**
 * The folder of an exported arm: its model in one of the formats, and beside it what makes it evidence: card, settings, lock, digests.
 *
 * @module
 */
import { dirname, join } from "node:path";
import {
  adapterUsage,
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
import { fromLeaves, leavesOf, LOCATION_LEAVES } from "../lib/manifest/leaves.ts";
import { Prompter } from "../lib/rollout/prompt.ts";
import type { ExportFormat } from "./export.ts";
import { type ExportedArm, requireEvaluated } from "./exported_arm.ts";
import type { CommandIo } from "./io.ts";
import { evaluationEmbedding, type Reading, readingOf } from "./model.ts";

/** Formats of an arm. */
type ArmFormat = Exclude<ExportFormat, "ro-crate">;

/** What writing a model gives. */
interface Written extends Pick<CardSubject, "library" | "task" | "scores" | "usage"> {
  /** SHA-256 of the weights that it was written from; of what was copied, the copy tells. */
  readonly weights: string | null;
}

/**
 * Writes everything into an empty folder.
 *
 * @param onWritten gets every file with its digest
 * @returns what a user should know
 * @throws {CheckFailedError} if the weights are no longer those that were verified
 */
export async function exportArm(
  arm: ExportedArm,
  format: ArmFormat,
  folder: string,
  onWritten: (files: readonly WrittenFile[]) => void,
  io: CommandIo,
): Promise<string[]> {
  const { files, documents: { stored, lock, backboneName }, plan } = arm, { manifest } = stored;
  io.progress.note(`writing ${format}`);
  const { weights, ...written } = await writers[format](arm, folder);
  io.signal.throwIfAborted();
  const repo = isThere(manifest.backbone) ? undefined : repoNamed(manifest.backbone);
  const card = modelCard({
    ...{ ...written, plan, stored, lock, base: written.scores.length === 0 ? null : arm.base },
    backbone: backboneName ?? withoutFolders(manifest.backbone),
    repo: repo?.type === "model" ? repo.id : null,
    checked: checkedSentence(arm),
  });
  writeFileAtomic(join(folder, "README.md"), card);
  writeFileAtomic(join(folder, RunDocument.lock), files.text(RunDocument.lock));
  writeFileAtomic(join(folder, RunDocument.intent), intentText(files.text(RunDocument.intent)));
  writeFileAtomic(join(folder, EMBED_FILE), embedText(arm));
  const list = writeChecksums(folder);
  requireEvaluated(arm, weights ?? list.find(({ path }) => path === SAFETENSORS_SINGLE)!.sha256);
  onWritten(list);
  return format === "sentence-transformers" && plan.rationale
    ? [
      `"${plan.name}" writes rationales in the run; SentenceTransformer embeds texts alone, which the card says`,
    ]
    : [];
}

const writers: Readonly<Record<ArmFormat, (arm: ExportedArm, folder: string) => Promise<Written>>> = {
  hf: (arm, folder) => {
    const { files, checkpoint, plan, scores, documents: { backboneName } } = arm;
    for (const { path, kind } of files.below(checkpoint)) {
      if (kind !== "file") continue;
      const target = join(folder, path.slice(checkpoint.length + 1));
      Deno.mkdirSync(dirname(target), { recursive: true });
      Deno.copyFileSync(files.path(path), target);
    }
    const usage = [transformersUsage(embeddingOf(arm, readingOf(plan)))];
    if (plan.training.manifest.lora.rank > 0) usage.push(adapterUsage(backboneName ?? "the backbone"));
    return Promise.resolve({
      library: "transformers",
      task: "text-generation",
      scores,
      usage: usage.join("\n"),
      weights: null,
    });
  },
  "sentence-transformers": (arm, folder) =>
    withModel(arm, async (backbone) => {
      const { plan: { manifest: { prompt }, rationale } } = arm;
      const embedding = embeddingOf(arm, { ...readingOf(arm.plan), rationale: false });
      const prompter = new Prompter(backbone, prompt), { promptTokens } = prompt;
      const model = { ...embedding, backbone, weights: backbone.tensors, prompter, promptTokens };
      await writeSentenceTransformers(folder, model);
      return {
        library: "sentence-transformers",
        task: "sentence-similarity",
        scores: rationale ? [] : arm.scores.filter(({ record }) => record.category !== "general"),
        usage: sentenceTransformersUsage(embedding),
      };
    }),
  gguf: (arm, folder) =>
    withModel(arm, async (backbone) => {
      const { documents: { backboneName }, plan, scores } = arm;
      const name = `${backboneName ?? "model"}-${plan.name}`, file = ggufName(name);
      await writeGguf(join(folder, file), backbone, name);
      const usage = ggufUsage(embeddingOf(arm, readingOf(plan)), file);
      return { library: "gguf", task: "text-generation", scores, usage };
    }),
};

/** Opens the checkpoint for a writer that reads its weights. */
async function withModel(
  { files, checkpoint }: ExportedArm,
  write: (model: Backbone) => Promise<Omit<Written, "weights">>,
): Promise<Written> {
  const model = await openBackbone(files.path(checkpoint));
  try {
    const { sha256 } = model.files.find(({ name }) => name === SAFETENSORS_SINGLE)!;
    return { ...await write(model), weights: sha256 };
  } finally {
    model.close();
  }
}

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
