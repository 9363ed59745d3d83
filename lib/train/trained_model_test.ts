import { assert, assertRelative, assertSameBits } from "#test";
import { UsageError } from "#errors";
import { openGraceWorkload } from "../../fixtures/bench/grace_workload.ts";
import { createCpuDevice } from "../../kernels/cpu/mod.ts";
import { adaptedMatrices } from "../backbone/lora.ts";
import { openAdapter } from "../backbone/lora_files.ts";
import { LORA_TARGETS } from "../backbone/lora_options.ts";
import { openSafetensors } from "../backbone/safetensors.ts";
import { writeSafetensors } from "../backbone/safetensors_writer.ts";
import { expectedTensors } from "../backbone/tensor_source.ts";
import type { Manifest } from "../manifest/schema.ts";
import type { TrainedArm } from "../manifest/names.ts";
import { openCheckpointWeights } from "./checkpoint.ts";
import { stepOf } from "./loop.ts";
import type { StepResult } from "./session.ts";
import { openTrainedModel } from "./trained_model.ts";

const lora: Manifest["lora"] = { rank: 4, alpha: 8, targets: [...LORA_TARGETS] };

/** Opens the embedded backbone for training with adapters, and runs `body` on it in a folder of its own. */
async function withTraining(
  arm: TrainedArm,
  body: (bench: {
    open: (checkpoint?: string) => ReturnType<typeof openTrainedModel> & { step: ReturnType<typeof stepOf> };
    backbone: Awaited<ReturnType<typeof openGraceWorkload>>["backbone"];
    folder: (name: string) => string;
    held: () => number;
  }) => Promise<void>,
  changes: Partial<Pick<Manifest, "seed" | "lora" | "loss" | "advantage" | "sampling">> & {
    train?: Partial<Manifest["train"]>;
  } = {},
): Promise<void> {
  const workload = await openGraceWorkload(), { backbone } = workload, device = createCpuDevice();
  const manifest: Manifest = {
    ...workload.manifest,
    lora,
    cl: { ...workload.manifest.cl, steps: 3, batch: 4 },
    optimizer: { ...workload.manifest.optimizer, learningRate: 1e-3 },
    ...changes,
    train: { ...workload.manifest.train, steps: 3, promptsPerStep: 4, miniBatches: 2, ...changes.train },
  };
  const parent = Deno.makeTempDirSync();
  try {
    await body({
      open: (checkpoint) => {
        const model = openTrainedModel(device, backbone, manifest, checkpoint);
        return { ...model, step: stepOf(arm, { ...workload, ...model, manifest }) };
      },
      backbone,
      folder: (name) => {
        Deno.mkdirSync(`${parent}/${name}`);
        return `${parent}/${name}`;
      },
      held: () => device.memory.current,
    });
  } finally {
    Deno.removeSync(parent, { recursive: true });
    backbone.close();
    device.dispose();
  }
}

for (const arm of ["grace", "cl"] as const) {
  Deno.test(`an adapter of the arm ${arm} goes on from a checkpoint with the same bits`, () =>
    withTraining(arm, async ({ open, folder, held }) => {
      const whole = open(), middle = folder("middle"), end = folder("end");
      await whole.step(1);
      await whole.step(2);
      await whole.writeCheckpoint(middle, false);
      const result = await whole.step(3);
      await whole.writeCheckpoint(end, true);
      whole.free();
      assert.equal(held(), 0, "bytes in tensors");
      const resumed = open(middle), again = folder("again");
      assert.deepEqual(await resumed.step(3), result);
      await resumed.writeCheckpoint(again, true);
      resumed.free();
      for (
        const name of [
          "model.safetensors",
          "adapter/adapter_model.safetensors",
          "adapter/adapter_config.json",
        ]
      ) {
        assert.deepEqual(Deno.readFileSync(`${again}/${name}`), Deno.readFileSync(`${end}/${name}`), name);
      }
      assert.deepEqual([...Deno.readDirSync(end)].filter(({ name }) => /adam|trainer/.test(name)), []);
    }));
}

for (const rank of [0, 4]) {
  Deno.test(`a KL term is towards the untrained backbone, after a checkpoint too, at rank ${rank}`, async () => {
    const { backbone, manifest: { loss } } = await openGraceWorkload();
    backbone.close();
    await withTraining("grace", async ({ open, folder, held, backbone: { config } }) => {
      const whole = open(), middle = folder("middle"), klOf = ({ record }: StepResult) => record.kl as number;
      const withReference = held();
      const first = await whole.step(1);
      assert.equal(klOf(first), 0, "nothing was trained yet");
      const updates = first.record.updates as { kl: number }[];
      assert.deepEqual([updates[0]!.kl, updates[1]!.kl > 0], [0, true]);
      await whole.writeCheckpoint(middle, false);
      const second = await whole.step(2);
      assert.ok(klOf(second) > 0);
      whole.free();
      assert.equal(held(), 0, "bytes in tensors");
      const resumed = open(middle);
      // Weights, two moments and the weights once more; under adapters the frozen ones serve, beside what is adapted of them.
      let weights = 0;
      for (const [, shape] of expectedTensors(config)) weights += 4 * shape.reduce((a, b) => a * b, 1);
      const parts = withReference / weights;
      assert.ok(rank === 0 ? Math.abs(parts - 4) < 0.1 : parts < 2, `${parts} times the weights`);
      assert.deepEqual(await resumed.step(2), second);
      resumed.free();
    }, { lora: { ...lora, rank }, loss: { ...loss, klCoef: 0.1 } });
  });
}

Deno.test("KL estimates, the baselines of ReMax and an adapter go on together from a checkpoint with the same bits", async () => {
  const { backbone, manifest: { loss, advantage, sampling } } = await openGraceWorkload();
  backbone.close();
  await withTraining("grace", async ({ open, folder }) => {
    const whole = open(), middle = folder("middle"), end = folder("end"), again = folder("again");
    const first = await whole.step(1);
    assert.equal(first.record.kl, 0, "the reference is at the temperature of sampling");
    await whole.writeCheckpoint(middle, false);
    const second = await whole.step(2);
    // The only update sees all tokens, under the weights that sampled them.
    const [update] = second.record.updates as { kl: number; logProbGap: number }[];
    assert.notEqual(second.record.kl, 0);
    assert.equal(update!.logProbGap, 0);
    assertRelative([update!.kl], [second.record.kl as number], 1e-9);
    assert.ok(
      second.rationales.every(({ baseline, total, advantage }) =>
        advantage === (total as number) - (baseline as number)
      ),
    );
    await whole.writeCheckpoint(end, false);
    whole.free();
    const resumed = open(middle);
    assert.deepEqual(await resumed.step(2), second);
    await resumed.writeCheckpoint(again, false);
    resumed.free();
    for (const { name, isFile } of Deno.readDirSync(end)) {
      if (isFile) {
        assert.deepEqual(Deno.readFileSync(`${again}/${name}`), Deno.readFileSync(`${end}/${name}`));
      }
    }
  }, {
    loss: { ...loss, klCoef: 0.1, klEstimator: "k1" },
    advantage: { ...advantage, estimator: "remax", divideByStd: false },
    sampling: { ...sampling, temperature: 0.7 },
    train: { miniBatches: 1 },
  });
});

Deno.test("an adapter begins from the run's seed, and its checkpoint names the backbone", async () => {
  const begun: Uint8Array[] = [];
  for (const seed of [1, 1, 2]) {
    await withTraining("grace", async ({ open, folder, backbone }) => {
      const model = open(), path = folder("begun");
      await model.writeCheckpoint(path, true);
      model.free();
      begun.push(Deno.readFileSync(`${path}/adapter/adapter_model.safetensors`));
      const config = JSON.parse(Deno.readTextFileSync(`${path}/adapter/adapter_config.json`));
      assert.equal(config.base_model_name_or_path, backbone.name);
    }, { seed });
  }
  assert.deepEqual(begun[1], begun[0]);
  assert.notDeepEqual(begun[2], begun[0]);
});

Deno.test("a checkpoint has the weights with the adapter in them, and those that are not adapted as they were", () =>
  withTraining("grace", async ({ open, folder, backbone }) => {
    const model = open(), path = folder("checkpoint");
    await model.step(1);
    await model.step(2);
    await model.writeCheckpoint(path, true);
    model.free();
    const merged = openCheckpointWeights(path), adapter = openAdapter(`${path}/adapter`);
    const adapted = adaptedMatrices(backbone.config, lora.targets);
    let moved = 0;
    for (const [name, shape] of expectedTensors(backbone.config)) {
      const before = backbone.tensors.read(name), after = merged.read(name);
      if (!adapted.has(name)) {
        assertSameBits(after, before, name);
        continue;
      }
      const [out, into] = shape as [number, number], key = `base_model.model.${name.replace(/weight$/, "")}`;
      const a = adapter.read(`${key}lora_A.weight`), b = adapter.read(`${key}lora_B.weight`);
      const expected = Float64Array.from({ length: out * into }, (_, at) => {
        const row = Math.floor(at / into), column = at % into;
        let sum = 0;
        for (let r = 0; r < lora.rank; r++) sum += b[row * lora.rank + r]! * a[r * into + column]!;
        return before[at]! + lora.alpha / lora.rank * sum;
      });
      assertRelative(after, expected, 1e-6, name);
      if (after.some((value, i) => value !== before[i])) moved++;
    }
    assert.equal(moved, adapted.size);
    merged.close();
    adapter.close();
  }));

Deno.test("openTrainedModel() refuses a checkpoint that has no moments, and leaves nothing behind", () =>
  withTraining("grace", async ({ open, folder, held }) => {
    const model = open(), path = folder("finished");
    await model.writeCheckpoint(path, true);
    model.free();
    assert.throws(() => open(path), UsageError);
    assert.equal(held(), 0, "bytes in tensors");
  }));

Deno.test("openTrainedModel() refuses a checkpoint of other parameters or counts, and leaves nothing behind", () =>
  withTraining("grace", async ({ open, folder, held }) => {
    const model = open(), path = folder("checkpoint");
    await model.writeCheckpoint(path, false);
    model.free();
    open(path).free();
    const state = `${path}/trainer.json`, count = Deno.readTextFileSync(state);
    for (const wrong of ["null", "3", "{}", '{"updates":-1}', '{"updates":"2"}', "{"]) {
      Deno.writeTextFileSync(state, wrong);
      assert.throws(() => open(path), UsageError, wrong);
    }
    Deno.writeTextFileSync(state, count);
    // Transposed: as many numbers, under the same names.
    const source = openSafetensors([`${path}/adam_m.safetensors`]);
    const tensors = source.names().map((name) => ({
      name,
      shape: source.shape(name).toReversed(),
      data: source.read(name),
    }));
    source.close();
    Deno.removeSync(`${path}/adam_m.safetensors`);
    const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
    await writeSafetensors(`${path}/adam_m.safetensors`, shapes, tensors, "f32");
    assert.throws(() => open(path), /has a .*lora_A\.weight of shape \[\d+,4\] in its adam_m\.safetensors/);
    assert.equal(held(), 0, "bytes in tensors");
  }));
