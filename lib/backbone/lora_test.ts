import { assert, assertClose, assertRelative, assertSameBits } from "#test";
import { GoldenTensors } from "../../fixtures/golden/models/tensors.ts";
import { loadModelGolden, modelFolder } from "../../fixtures/golden/models/read.ts";
import { golden } from "../../fixtures/golden_data.ts";
import { f32ToBf16 } from "../../kernels/half_floats.ts";
import { backboneTest, type Bench, logitsOf, withRandomDecoder } from "./_decoder_bench.ts";
import { embeddingLoss, logProbLoss, nextTokens } from "./_losses.ts";
import { Decoder, packSequences } from "./decoder.ts";
import { adaptedMatrices, LoraAdapter } from "./lora.ts";
import { LORA_TARGETS, type LoraOptions } from "./lora_options.ts";
import { expectedTensors } from "./tensor_source.ts";
import { Weights } from "./weights.ts";

/** What PEFT computes: see `make.py`. */
const { cases } = golden<{
  cases: Record<
    "qwen2" | "llama-tied" | "qwen3",
    LoraOptions & { losses: Record<"nextToken" | "infoNce", number> }
  >;
}>("lora/lora.json");
const names = Object.keys(cases) as (keyof typeof cases)[];
const tensorsOf = (name: string) =>
  new GoldenTensors(new URL(`../../fixtures/golden/lora/${name}.safetensors`, import.meta.url));

/** Copies of the weights of a bench, for an adapter to take over. */
async function copied({ device, config, weights }: Bench): Promise<Weights> {
  const values = new Map<string, Float32Array>();
  for (const [name, tensor] of weights.tensors) values.set(name, await device.read(tensor));
  return Weights.read(device, config, { read: (name) => values.get(name)!.slice(), dtype: () => "F32" });
}

/** Runs `body` on an adapter of a bench's weights, whose A and B are those that `values` gives, if it gives some. */
async function withAdapter<T>(
  bench: Bench,
  options: LoraOptions,
  values: ((name: string) => Float32Array) | null,
  body: (adapted: Bench & { adapter: LoraAdapter }) => Promise<T>,
): Promise<T> {
  const adapter = new LoraAdapter(await copied(bench), options, 1), { device } = bench;
  try {
    if (values) {
      for (const [name, tensor] of adapter.tensors) device.write(tensor, values(name).slice());
      adapter.updated();
    }
    const { weights } = adapter;
    return await body({ ...bench, weights, decoder: new Decoder(weights), adapter });
  } finally {
    adapter.free();
  }
}

for (const name of names) {
  const options = cases[name], expected = tensorsOf(name), model = loadModelGolden(name);

  backboneTest(
    `LoraAdapter gives ${name} the logits that PEFT gives it`,
    modelFolder(name),
    (bench) =>
      withAdapter(bench, options, (key) => expected.float32(key).values, async (adapted) => {
        const logits = await logitsOf(adapted, packSequences([model.sequences[3]!]));
        assertClose(logits, expected.float32("sequence.3.logits").values, 2e-4, "logits");
      }),
  );

  backboneTest(
    `LoraGradients of ${name} are those of PEFT`,
    modelFolder(name),
    (bench) =>
      withAdapter(bench, options, (key) => expected.float32(key).values, async (adapted) => {
        const newGradients = () => adapted.adapter.newGradients();
        const sequences = model.nextToken.sequences.map((ids) => ({ ids })),
          predictions = nextTokens(sequences);
        const { queries, positives, negatives, temperature } = model.infoNce, n = predictions.length;
        const runs = {
          nextToken: await logProbLoss(
            adapted,
            sequences,
            predictions,
            () => new Float32Array(n).fill(-1 / n),
            {
              newGradients,
            },
          ).then(({ logProbs, gradients }) => ({ loss: -logProbs.reduce((a, b) => a + b) / n, gradients })),
          infoNce: await embeddingLoss(adapted, queries, [...positives, ...negatives], temperature, {
            newGradients,
          }),
        };
        for (const [loss, { loss: value, gradients }] of Object.entries(runs)) {
          assertRelative([value], [options.losses[loss as keyof typeof runs]], 5e-6, loss);
          assert.equal(gradients.size, 2 * adaptedMatrices(bench.config, options.targets).size);
          for (const [key, values] of gradients) {
            assertRelative(values, expected.float32(`${loss}.grad.${key}`).values, 3e-5, `${loss}: ${key}`);
          }
        }
      }),
  );

  backboneTest(
    `LoraGradients of ${name} are added to what is there, and have the same bits with checkpointing`,
    modelFolder(name),
    (bench) =>
      withAdapter(bench, options, (key) => expected.float32(key).values, async (adapted) => {
        const sequences = model.nextToken.sequences.map((ids) => ({ ids }));
        const run = (changes: { initialGradient?: number; checkpointing?: boolean }) =>
          logProbLoss(adapted, sequences, nextTokens(sequences), (p) => p.map(() => -1), {
            newGradients: () => adapted.adapter.newGradients(),
            ...changes,
          });
        const { gradients: alone } = await run({}), before = 0.25;
        const { gradients: added } = await run({ initialGradient: before });
        const { gradients: again } = await run({ checkpointing: true });
        for (const [key, values] of alone) {
          assertRelative(added.get(key)!, values.map((value) => value + before), 1e-5, key);
          assertSameBits(again.get(key)!, values, key);
        }
      }),
  );

  backboneTest(
    `LoraGradients of ${name} are the gradients of all weights, seen through A and B`,
    modelFolder(name),
    (bench) =>
      withAdapter(bench, options, (key) => expected.float32(key).values, async (adapted) => {
        const sequences = model.nextToken.sequences.map((ids) => ({ ids })),
          predictions = nextTokens(sequences);
        const run = (newGradients?: () => ReturnType<LoraAdapter["newGradients"]>) =>
          logProbLoss(adapted, sequences, predictions, (p) =>
            p.map(() =>
              -1
            ), newGradients ? { newGradients } : {});
        const { gradients: full } = await run(),
          { gradients: thin } = await run(() =>
            adapted.adapter.newGradients()
          );
        const scale = options.alpha / options.rank;
        for (const [matrix, shape] of adaptedMatrices(bench.config, options.targets)) {
          const [out, into] = shape as [number, number], dW = full.get(matrix)!;
          const key = matrix.replace(/weight$/, ""), a = expected.float32(`${key}lora_A.weight`).values;
          const dB = Float64Array.from({ length: out * options.rank }, (_, at) => {
            const [row, r] = [Math.floor(at / options.rank), at % options.rank];
            let sum = 0;
            for (let i = 0; i < into; i++) {
              sum += dW[row * into + i]! * a[r * into + i]!;
            }
            return scale * sum;
          });
          assertRelative(thin.get(`${key}lora_B.weight`)!, dB, 3e-5, matrix);
        }
      }),
  );
}

const all: LoraOptions = { rank: 4, alpha: 8, targets: LORA_TARGETS };

Deno.test("LoraAdapter changes no bit before it is trained, and begins as PEFT's do", () =>
  withRandomDecoder(
    { architecture: "qwen2", qkvBias: true },
    (bench) =>
      withAdapter(bench, all, null, async ({ adapter, weights }) => {
        for (const [name, tensor] of bench.weights.tensors) {
          assertSameBits(await bench.device.read(weights.get(name)), await bench.device.read(tensor), name);
        }
        for (const [name, tensor] of adapter.tensors) {
          const values = await bench.device.read(tensor), bound = 1 / Math.sqrt(tensor.shape[1]!);
          const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          if (name.includes("lora_B")) assert.equal(most, 0);
          else assert.ok(most <= bound && most > 0.9 * bound, `${name}: ${most} of ${bound}`);
        }
      }),
  ));

Deno.test("LoraAdapter has the same A in another base, and another one for another seed", () =>
  withRandomDecoder({}, async (bench) => {
    const name = "model.layers.1.mlp.up_proj.lora_A.weight";
    const a = async (seed: number, options: LoraOptions) => {
      const adapter = new LoraAdapter(await copied(bench), options, seed);
      const values = await bench.device.read(adapter.get(name));
      adapter.free();
      return values;
    };
    assertSameBits(await a(3, all), await a(3, { ...all, targets: ["up_proj"] }), name);
    assert.notDeepEqual(await a(3, all), await a(4, all));
  }));

Deno.test("LoraAdapter adds alpha / rank · B·A to matrices that are stored in 16 bits, as to those in 32", () =>
  withRandomDecoder({}, async (bench) => {
    const { device, config } = bench, shapes = expectedTensors(config);
    const values = new Map<string, Float32Array<ArrayBuffer>>();
    for (const [name, tensor] of bench.weights.tensors) {
      const rounded = f32ToBf16(await device.read(tensor));
      values.set(name, new Float32Array(Uint32Array.from(rounded, (bits) => bits << 16).buffer));
    }
    const read = (name: string) => values.get(name)!.slice();
    const wide = new LoraAdapter(Weights.read(device, config, { read, dtype: () => "F32" }), all, 5);
    const kept = new Map(
      [...shapes].filter(([, shape]) => shape.length === 2).map(([name, shape]) => {
        const tensor = device.upload(f32ToBf16(values.get(name)!), shape, "bf16");
        return [name, tensor];
      }),
    );
    const base = Weights.read(device, config, { read, dtype: () => "F32" });
    for (const name of kept.keys()) device.free(base.get(name));
    const stored = new LoraAdapter(base.replaced(kept), all, 5);
    for (const adapter of [wide, stored]) {
      for (const [name, tensor] of adapter.tensors) {
        if (!name.includes("lora_B")) continue;
        const size = tensor.shape[0]! * tensor.shape[1]!;
        device.write(tensor, Float32Array.from({ length: size }, (_, i) => Math.sin(i + name.length)));
      }
      adapter.updated();
    }
    for (const [name, [out, into]] of adaptedMatrices(config, all.targets)) {
      const actual = await device.read(wide.weights.get(name)), w = values.get(name)!;
      assertSameBits(await device.read(stored.weights.get(name)), actual, name);
      const key = name.replace(/weight$/, "");
      const a = await device.read(wide.get(`${key}lora_A.weight`)),
        b = await device.read(wide.get(`${key}lora_B.weight`));
      const expected = Float64Array.from({ length: out! * into! }, (_, at) => {
        const row = Math.floor(at / into!), column = at % into!;
        let sum = 0;
        for (let r = 0; r < all.rank; r++) sum += b[row * all.rank + r]! * a[r * into! + column]!;
        return w[at]! + all.alpha / all.rank * sum;
      });
      assertRelative(actual, expected, 1e-6, name);
    }
    wide.free();
    stored.free();
  }));
