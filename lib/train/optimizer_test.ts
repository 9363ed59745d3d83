import { assert, assertClose, assertSameBits } from "#test";
import { withRandomDecoder } from "../backbone/_decoder_bench.ts";
import { Weights } from "../backbone/weights.ts";
import { learningRateAt, Optimizer } from "./optimizer.ts";

const options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 1 };

const rates = (schedule: "constant" | "linear" | "cosine", warmupSteps = 0, steps = 4) =>
  Array.from({ length: steps }, (_, i) => learningRateAt(1, i + 1, steps, { schedule, warmupSteps }));

Deno.test("learningRateAt() stays at the peak when constant", () => {
  assert.deepEqual(rates("constant"), [1, 1, 1, 1]);
});

Deno.test("learningRateAt() falls from the peak and never to 0 within the steps", () => {
  assertClose(rates("linear"), [1, 0.75, 0.5, 0.25], 1e-15);
  assertClose(rates("cosine"), [1, (1 + Math.SQRT1_2) / 2, 0.5, (1 - Math.SQRT1_2) / 2], 1e-15);
});

Deno.test("learningRateAt() rises linearly to the peak over the warm-up", () => {
  assertClose(rates("constant", 2), [0.5, 1, 1, 1], 1e-15);
  assertClose(rates("linear", 2), [0.5, 1, 1, 0.5], 1e-15);
});

Deno.test("learningRateAt() falls to the final fraction of the peak where one is given", () => {
  const final = (schedule: "linear" | "cosine", step: number) =>
    learningRateAt(2, step, 4, { schedule, warmupSteps: 0, finalFraction: 0.1 });
  for (const schedule of ["linear", "cosine"] as const) {
    assertClose([1, 3, 5].map((step) => final(schedule, step)), [2, 1.1, 0.2], 1e-15);
  }
});

Deno.test("Optimizer.update() decays all weights, or matrices alone", () =>
  withRandomDecoder({ architecture: "qwen2", qkvBias: true }, async ({ device, config, weights }) => {
    const gradients = Weights.zeros(device, config);
    const before = new Map<string, Float32Array>();
    for (const [name, tensor] of weights.tensors) before.set(name, await device.read(tensor));
    for (const decayed of ["matrices", "all"] as const) {
      // Without a gradient only the decay changes a weight.
      const optimizer = new Optimizer(weights, { ...options, weightDecay: 0.5, decayed });
      await optimizer.update(gradients, 1);
      optimizer.free();
      for (const [name, tensor] of weights.tensors) {
        const times = decayed === "all"
          ? (tensor.shape.length === 2 ? 2 : 1)
          : tensor.shape.length === 2
          ? 1
          : 0;
        const expected = before.get(name)!.map((value) => value * 0.5 ** times);
        assertSameBits(await device.read(tensor), expected, `${decayed}: ${name}`);
      }
    }
    gradients.free();
  }));
