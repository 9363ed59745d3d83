import { assert, assertSameBits } from "#test";
import { openGraceWorkload } from "../../fixtures/bench/grace_workload.ts";
import { createCpuDevice } from "../../kernels/cpu/mod.ts";
import { profiled } from "../../kernels/profile.ts";
import { Decoder } from "../backbone/decoder.ts";
import { Weights } from "../backbone/weights.ts";
import { graceStep } from "./grace.ts";
import { Optimizer } from "./optimizer.ts";

/** Two GRACE steps of the embedded backbone on an engine that keeps so many bytes of activations. */
async function train(keptBytes: number, miniBatches: number) {
  const workload = await openGraceWorkload(), { backbone, examples, prompter } = workload;
  const train = { ...workload.manifest.train, steps: 2, promptsPerStep: 4, miniBatches };
  const engine = createCpuDevice(), { device, times } = profiled(engine);
  Object.defineProperty(engine, "decoding", { value: { ...engine.decoding, keptBytes } });
  const weights = Weights.read(device, backbone.config, backbone.tensors);
  const optimizer = new Optimizer(weights, workload.manifest.optimizer), before = device.memory.current;
  const step = graceStep({
    manifest: { ...workload.manifest, train },
    backbone,
    decoder: new Decoder(weights),
    prompter,
    examples,
    optimizer,
  });
  const results = [await step(1), await step(2)];
  assert.equal(device.memory.current, before, "bytes in tensors after the steps");
  const values = new Map<string, Float32Array>();
  for (const [name, tensor] of weights.tensors) values.set(name, await device.read(tensor));
  optimizer.free();
  weights.free();
  backbone.close();
  device.dispose();
  return { results, values, forwards: times().find(({ op }) => op === "layerTail")!.calls };
}

for (const miniBatches of [1, 2]) {
  Deno.test(`graceStep() learns the same bits whether or not activations are kept, ${miniBatches} updates a step`, async () => {
    const kept = await train(2 ** 30, miniBatches), plain = await train(0, miniBatches);
    assert.deepEqual(kept.results, plain.results);
    for (const [name, values] of plain.values) assertSameBits(kept.values.get(name)!, values, name);
    // Of several updates, only the first is on the weights that sampled: then nothing is kept.
    if (miniBatches === 1) assert.ok(kept.forwards < plain.forwards);
    else assert.equal(kept.forwards, plain.forwards);
  });
}
