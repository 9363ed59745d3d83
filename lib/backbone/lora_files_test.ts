import { assert, assertSameBits } from "#test";
import { UsageError } from "#errors";
import { GoldenTensors } from "../../fixtures/golden/models/tensors.ts";
import { golden } from "../../fixtures/golden_data.ts";
import { modelFolder } from "../../fixtures/golden/models/read.ts";
import { engine, withBackbone } from "./_decoder_bench.ts";
import { LoraAdapter } from "./lora.ts";
import { adapterConfigText, readAdapter, writeAdapter } from "./lora_files.ts";
import type { LoraOptions } from "./lora_options.ts";
import { openSafetensors } from "./safetensors.ts";
import { Weights } from "./weights.ts";

const options = golden<{ cases: { qwen2: LoraOptions } }>("lora/lora.json").cases.qwen2;
/** What PEFT itself saved. */
const saved = new URL("../../fixtures/golden/lora/adapter", import.meta.url).pathname;

/** Runs `body` with an adapter of the golden model, and a folder that is not there yet. */
async function withAdapter(
  changes: Partial<LoraOptions>,
  body: (adapter: LoraAdapter, folder: string) => Promise<void>,
): Promise<void> {
  const parent = Deno.makeTempDirSync();
  try {
    await withBackbone(modelFolder("qwen2"), async ({ backbone, config }) => {
      const base = Weights.read(engine(), config, backbone.tensors);
      const adapter = new LoraAdapter(base, { ...options, ...changes }, 1);
      try {
        await body(adapter, `${parent}/adapter`);
      } finally {
        adapter.free();
      }
    });
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
}

Deno.test("readAdapter() reads what PEFT saved, and makes the weights anew", () =>
  withAdapter({}, async (adapter) => {
    const { device, weights } = adapter, name = "model.layers.2.mlp.down_proj";
    const before = await device.read(weights.get(`${name}.weight`));
    readAdapter(saved, adapter);
    const expected = new GoldenTensors(
      new URL("../../fixtures/golden/lora/qwen2.safetensors", import.meta.url),
    );
    for (const [key, tensor] of adapter.tensors) {
      assertSameBits(await device.read(tensor), expected.float32(key).values, key);
    }
    assert.notDeepEqual(await device.read(weights.get(`${name}.weight`)), before);
  }));

Deno.test("writeAdapter() writes the tensors and the settings that PEFT would", () =>
  withAdapter({}, async (adapter, folder) => {
    readAdapter(saved, adapter);
    await writeAdapter(folder, adapter, "qwen2");
    const [ours, theirs] = [folder, saved].map((at) => openSafetensors([`${at}/adapter_model.safetensors`]));
    assert.deepEqual(ours!.names().sort(), theirs!.names().sort());
    for (const name of theirs!.names()) {
      assert.deepEqual(ours!.shape(name), theirs!.shape(name));
      assertSameBits(ours!.read(name), theirs!.read(name), name);
    }
    ours!.close();
    theirs!.close();
    const config = JSON.parse(Deno.readTextFileSync(`${saved}/adapter_config.json`));
    for (const [key, value] of Object.entries(JSON.parse(adapterConfigText(options, "qwen2")))) {
      assert.deepEqual(value, config[key], key);
    }
  }));

Deno.test("readAdapter() refuses an adapter of another rank, and names what does not fit", () =>
  withAdapter({ rank: 2 }, (adapter) => {
    assert.throws(
      () => readAdapter(saved, adapter),
      (error: Error) =>
        error instanceof UsageError && /no .*q_proj\.lora_A\.weight of shape \[2,48\]/.test(error.message),
    );
    return Promise.resolve();
  }));
