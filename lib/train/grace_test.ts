import { assert, assertSameBits } from "#test";
import { NumericError } from "#errors";
import { openGraceWorkload } from "../../fixtures/bench/grace_workload.ts";
import { createCpuDevice } from "../../kernels/cpu/mod.ts";
import { profiled } from "../../kernels/profile.ts";
import { Decoder } from "../backbone/decoder.ts";
import { Weights } from "../backbone/weights.ts";
import { graceStep } from "./grace.ts";
import { Optimizer } from "./optimizer.ts";

/** Settings of the training. */
interface Changes {
  readonly miniBatches: number;
  readonly gradientCheckpointing?: boolean;
}

/** A session on the embedded backbone and an engine that keeps so many bytes of activations. */
async function open(keptBytes: number, changes: Changes) {
  const workload = await openGraceWorkload(), { backbone, examples, prompter } = workload;
  const train = { ...workload.manifest.train, steps: 2, promptsPerStep: 4, ...changes };
  const engine = createCpuDevice(), { device, times } = profiled(engine);
  Object.defineProperty(engine, "decoding", { value: { ...engine.decoding, keptBytes } });
  const weights = Weights.read(device, backbone.config, backbone.tensors);
  const optimizer = new Optimizer(weights, workload.manifest.optimizer);
  const step = graceStep({
    manifest: { ...workload.manifest, train },
    backbone,
    decoder: new Decoder(weights),
    prompter,
    examples,
    optimizer,
  });
  const close = () => {
    optimizer.free();
    weights.free();
    backbone.close();
    device.dispose();
  };
  return { device, weights, step, times, close };
}

/** Two GRACE steps. */
async function train(keptBytes: number, changes: Changes) {
  const { device, weights, step, times, close } = await open(keptBytes, changes);
  const before = device.memory.current;
  const results = [await step(1), await step(2)];
  assert.equal(device.memory.current, before, "bytes in tensors after the steps");
  const values = new Map<string, Float32Array>();
  for (const [name, tensor] of weights.tensors) values.set(name, await device.read(tensor));
  close();
  return { results, values, forwards: times().find(({ op }) => op === "layerTail")!.calls };
}

for (
  const { kept: keeps, ...changes } of [
    { miniBatches: 1, kept: true },
    // Only the first of several updates is on the weights that sampled.
    { miniBatches: 2, kept: false },
    { miniBatches: 1, gradientCheckpointing: true, kept: false },
  ]
) {
  Deno.test(`graceStep() learns the same bits where there is room for activations as where not, ${JSON.stringify(changes)}`, async () => {
    const kept = await train(2 ** 30, changes), plain = await train(0, changes);
    assert.deepEqual(kept.results, plain.results);
    for (const [name, values] of plain.values) assertSameBits(kept.values.get(name)!, values, name);
    if (keeps) assert.ok(kept.forwards < plain.forwards);
    else assert.equal(kept.forwards, plain.forwards);
  });
}

Deno.test("graceStep() leaves no tensors behind when a log-probability is not a number", async () => {
  const { device, weights, step, close } = await open(2 ** 30, { miniBatches: 1 }), { head } = weights;
  const before = device.memory.current;
  device.write(head, (await device.read(head)).fill(NaN));
  await assert.rejects(step(1), NumericError);
  weights.unpack();
  assert.equal(device.memory.current, before);
  close();
});
