import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert } from "#test";
import { UsageError } from "#errors";
import { exportCases, GGUF_MODELS } from "../../fixtures/golden/export/models.ts";
import { golden } from "../../fixtures/golden_data.ts";
import { EMBEDDED_BACKBONE_FOLDER } from "../data/embedded.ts";
import { openBackbone } from "../backbone/open.ts";
import { digestFile } from "../manifest/hash.ts";
import { writeGguf } from "./gguf.ts";

const { files } = golden<{ files: Record<string, { sha256: string }> }>("export/gguf.json");

Deno.test("writeGguf() writes the files in which llama.cpp's own package found every tensor, bit for bit", async () => {
  const folder = Deno.makeTempDirSync();
  assert.deepEqual(Object.keys(files).sort(), [...GGUF_MODELS].sort());
  for await (const { name, backbone } of exportCases()) {
    if (!GGUF_MODELS.includes(name)) continue;
    const path = join(folder, `${name}.gguf`);
    await writeGguf(path, backbone, name);
    assert.equal(digestFile(path).sha256, files[name]!.sha256, name);
  }
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("writeGguf() fails when GGUF cannot say what the model is", async () => {
  const folder = Deno.makeTempDirSync();
  const refused = async (model: Awaited<ReturnType<typeof openBackbone>>, message: RegExp) =>
    await assert.rejects(
      () => writeGguf(join(folder, "model.gguf"), model, "model"),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  const tiny = await openBackbone(EMBEDDED_BACKBONE_FOLDER);
  await refused(tiny, /llama\.cpp has no name for the tokenizer/);
  tiny.close();
  for await (const { name, backbone } of exportCases()) {
    if (name === "llama-tied") await refused(backbone, /RoPE scaling .*"originalMaxPositions":/);
    else if (name === "qwen2") {
      const [eos] = backbone.eosIds as [number];
      await refused({ ...backbone, eosIds: [eos, 1, 2, 3] }, /4 tokens end a generation/);
      // The order of ends is a part of the model: the first is the one that training writes.
      await refused({ ...backbone, eosIds: [eos, eos] }, /GGUF does not keep the ends of generation/);
    }
  }
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("writeGguf() keeps the RoPE scaling of Llama 3, and a model that was read from GGUF", async () => {
  const folder = Deno.makeTempDirSync(), path = join(folder, "model.gguf");
  const model = await openBackbone(
    fileURLToPath(new URL("../../fixtures/golden/backbone/llama.gguf", import.meta.url)),
  );
  assert.equal(model.config.ropeScaling?.factor, 32);
  await writeGguf(path, model, "model");
  const again = await openBackbone(path);
  assert.deepEqual(again.config, model.config);
  assert.deepEqual(again.tensors.read("lm_head.weight"), model.tensors.read("lm_head.weight"));
  for (const one of [model, again]) one.close();
  Deno.removeSync(folder, { recursive: true });
});
