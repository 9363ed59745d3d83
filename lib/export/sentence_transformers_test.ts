import { join } from "node:path";
import { assert, assertClose } from "#test";
import { UsageError } from "#errors";
import { createCpuDevice } from "../../kernels/cpu/mod.ts";
import { exportCases, TEXTS, writeCase } from "../../fixtures/golden/export/models.ts";
import { golden } from "../../fixtures/golden_data.ts";
import { Decoder } from "../backbone/decoder.ts";
import { openSafetensors } from "../backbone/safetensors.ts";
import { Weights } from "../backbone/weights.ts";
import { digestFile } from "../manifest/hash.ts";
import { embedTexts } from "../rollout/embed.ts";
import { writeSentenceTransformers } from "./sentence_transformers.ts";

interface Golden {
  readonly models: Record<string, { files: Record<string, string>; embeddings: number[][] }>;
}

const { models } = golden<Golden>("export/sentence_transformers.json");

/** SHA-256 of every file below a folder. */
function digests(folder: string, below = ""): Record<string, string> {
  return Object.fromEntries(
    [...Deno.readDirSync(join(folder, below))].flatMap(({ name, isDirectory }) => {
      const path = below === "" ? name : `${below}/${name}`;
      return isDirectory
        ? Object.entries(digests(folder, path))
        : [[path, digestFile(join(folder, path)).sha256]];
    }),
  );
}

Deno.test("writeSentenceTransformers() writes folders in which sentence-transformers finds our embeddings", async () => {
  const device = createCpuDevice(), root = Deno.makeTempDirSync();
  for await (const model of exportCases()) {
    const { name, backbone, prompter, pooling, normalize } = model, { files, embeddings } = models[name]!;
    await writeCase(model, join(root, name));
    assert.deepEqual(digests(join(root, name)), files, `${name}: embedded from other files than these`);
    const weights = Weights.read(device, backbone.config, backbone.tensors);
    const ours = await embedTexts(new Decoder(weights), backbone, prompter, TEXTS, { pooling, normalize });
    assert.ok(ours.at(-1)!.truncatedPrompt, "one text is to be too long");
    ours.forEach(({ embedding }, i) => {
      const tolerance = 1e-6 * Math.max(...embedding.map(Math.abs));
      assertClose(embedding, embeddings[i]!, tolerance, `${name}: ${TEXTS[i]}`);
    });
    weights.free();
  }
  device.dispose();
  Deno.removeSync(root, { recursive: true });
});

Deno.test("writeSentenceTransformers() keeps every weight, and adds a row for each token before the text", async () => {
  const root = Deno.makeTempDirSync();
  for await (const model of exportCases()) {
    const { name, backbone, prompter: { frame } } = model, { vocabSize, hiddenSize } = backbone.config;
    await writeCase(model, join(root, name));
    const written = openSafetensors([join(root, name, "model.safetensors")]);
    const original = backbone.tensors.names().filter((tensor) => tensor !== "lm_head.weight");
    assert.deepEqual(written.names().sort(), original.map((tensor) => tensor.replace("model.", "")).sort());
    for (const tensor of original) {
      const values = written.read(tensor.replace("model.", "")), before = backbone.tensors.read(tensor);
      assert.deepEqual(values.subarray(0, before.length), before, tensor);
      if (tensor !== "model.embed_tokens.weight") assert.equal(values.length, before.length);
      else assert.equal(values.length, (vocabSize + frame.prefix) * hiddenSize);
    }
    written.close();
  }
  Deno.removeSync(root, { recursive: true });
});

Deno.test("writeSentenceTransformers() fails when a text alone has no embedding, or is not kept apart", async () => {
  for await (const model of exportCases()) {
    const { backbone, prompter } = model;
    const write = (change: Partial<Parameters<typeof writeSentenceTransformers>[1]>) =>
      writeSentenceTransformers("/nowhere", {
        ...{ ...model, weights: backbone.tensors, promptTokens: 120 },
        ...change,
      });
    await assert.rejects(
      () => write({ pooling: { ...model.pooling, input: false } }),
      (error) => error instanceof UsageError && /pooling\.input is false/.test(error.message),
    );
    const merging = {
      frame: prompter.frame,
      render: (text: string) => prompter.render(text.replace("'", "s")),
    };
    await assert.rejects(
      () => write({ prompter: merging }),
      (error) =>
        error instanceof UsageError && /"'s own 's" are tokenised into each other/.test(error.message),
    );
    break;
  }
});
