import { assert, assertSameBits } from "#test";
import { engine, withRandomDecoder } from "./_decoder_bench.ts";
import type { DecoderConfig } from "./config.ts";
import { initialWeights } from "./initialise.ts";

async function valuesOf(config: DecoderConfig, seed: number): Promise<Map<string, Float32Array>> {
  const weights = initialWeights(engine(), config, seed), values = new Map<string, Float32Array>();
  for (const [name, tensor] of weights.tensors) values.set(name, await engine().read(tensor));
  weights.free();
  return values;
}

/** Mean, standard deviation and fourth moment over σ⁴ (3 for a normal variable). */
function moments(values: Float32Array): [mean: number, deviation: number, kurtosis: number] {
  const over = (power: number, about: number) =>
    values.reduce((sum, value) => sum + (value - about) ** power, 0) / values.length;
  const mean = over(1, 0), variance = over(2, mean);
  return [mean, Math.sqrt(variance), over(4, mean) / variance ** 2];
}

Deno.test("initialWeights() draws N(0, 0.02²), and less for what is added to the residual stream", () =>
  withRandomDecoder({ layers: 3 }, async ({ config }) => {
    for (const [name, values] of await valuesOf(config, 1)) {
      if (name.endsWith("norm.weight")) {
        assert.ok(values.every((value) => value === 1), name);
        continue;
      }
      const scale = /o_proj|down_proj/.test(name) ? 0.02 / Math.sqrt(6) : 0.02;
      const [mean, deviation, kurtosis] = moments(values), n = values.length;
      // Five standard errors of each moment.
      assert.ok(Math.abs(mean) < 5 * scale / Math.sqrt(n), `${name}: mean ${mean}`);
      assert.ok(Math.abs(deviation / scale - 1) < 5 / Math.sqrt(2 * n), `${name}: deviation ${deviation}`);
      assert.ok(Math.abs(kurtosis - 3) < 5 * Math.sqrt(24 / n), `${name}: kurtosis ${kurtosis}`);
    }
  }));

Deno.test("initialWeights() gives Qwen's head norms 1 and its biases 0", () =>
  withRandomDecoder({ architecture: "qwen3", qkNorm: true, qkvBias: true }, async ({ config }) => {
    const values = await valuesOf(config, 1);
    assert.ok(values.get("model.layers.1.self_attn.k_norm.weight")!.every((value) => value === 1));
    assert.ok(values.get("model.layers.1.self_attn.k_proj.bias")!.every((value) => value === 0));
  }));

Deno.test("initialWeights() depends on the seed, the name and the place alone", () =>
  withRandomDecoder({}, async ({ config }) => {
    const one = await valuesOf(config, 1), other = await valuesOf(config, 2);
    // Another model with tensors of the same names: more layers, a head of its own, a longer vocabulary.
    const larger = await valuesOf({ ...config, vocabSize: 301, layers: 2, tiedEmbeddings: false }, 1);
    for (const [name, values] of one) {
      assertSameBits(larger.get(name)!.subarray(0, values.length), values, name);
      if (!name.endsWith("norm.weight")) assert.notDeepEqual(other.get(name), values, name);
    }
    const matrices = [...one].filter(([name]) => !name.endsWith("norm.weight"));
    assert.equal(
      new Set(matrices.map(([, values]) => values[0]! / moments(values)[1])).size,
      matrices.length,
    );
    const last = one.get("model.embed_tokens.weight")!;
    assert.equal(new Set(last).size > 0.99 * last.length, true, "no block is drawn twice");
  }));
