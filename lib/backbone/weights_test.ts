import { assert, assertSameBits } from "#test";
import type { Device } from "../../kernels/device.ts";
import type { DType, Tensor } from "../../kernels/tensor_types.ts";
import { bf16ToF32, f16sToF32 } from "../../kernels/half_floats.ts";
import { checkDecoderConfig } from "./config.ts";
import { expectedTensors } from "./tensor_source.ts";
import { Weights } from "./weights.ts";

const config = checkDecoderConfig({
  architecture: "llama",
  hiddenSize: 4,
  layers: 1,
  heads: 1,
  kvHeads: 1,
  headDim: 4,
  intermediateSize: 8,
  vocabSize: 6,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  ropeScaling: null,
  tiedEmbeddings: true,
  qkvBias: false,
  qkNorm: false,
  maxPositions: 16,
}, "test");

/** A tensor that remembers what it was made from. */
interface Uploaded extends Tensor {
  readonly data: Float32Array | Uint16Array;
}

/** An engine that only takes weights. */
function stub(readsHalf: boolean): Device {
  const keep = (data: Uploaded["data"], shape: readonly number[], dtype: DType = "f32"): Uploaded => (
    { data, shape, dtype }
  );
  return { readsHalf, upload: keep, take: keep } as unknown as Device;
}

/** A checkpoint whose numbers all three types hold exactly: with a number that is subnormal in f16, and zeros of both signs. */
function checkpoint(dtype: string, ...first: number[]) {
  const values = (name: string) => {
    const size = expectedTensors(config).get(name)!.reduce((a, b) => a * b, 1);
    return Float32Array.from({ length: size }, (_, i) => [...first, 0.75, 3 * 2 ** -24, -0, 0, -1.5][i] ?? i);
  };
  return { dtype: () => dtype, read: values };
}

const widen = { bf16: bf16ToF32, f16: f16sToF32 };

for (const stored of ["bf16", "f16"] as const) {
  Deno.test(`Weights.read() keeps matrices of ${stored}, and widens vectors, when asked to`, () => {
    const source = checkpoint(stored.toUpperCase());
    const weights = Weights.read(stub(true), config, source, { keepStored: true });
    for (const [name, tensor] of weights.tensors) {
      const { dtype, shape, data } = tensor as Uploaded;
      assert.equal(dtype, shape.length === 2 ? stored : "f32", name);
      const values = new Float32Array(data.length);
      if (dtype === "f32") values.set(data);
      else widen[stored](data as Uint16Array, values);
      assertSameBits(values, source.read(name), name);
    }
  });

  Deno.test(`Weights.read() widens ${stored} when not asked to keep it, or the engine is slower for it`, () => {
    const source = checkpoint(stored.toUpperCase());
    for (const [readsHalf, keepStored] of [[true, false], [false, true]] as const) {
      const weights = Weights.read(stub(readsHalf), config, source, { keepStored });
      for (const { dtype } of weights.tensors.values()) assert.equal(dtype, "f32");
    }
  });
}

Deno.test("Weights.read() widens what is stored in another type", () => {
  const weights = Weights.read(stub(true), config, checkpoint("Q8_0"), { keepStored: true });
  for (const { dtype } of weights.tensors.values()) assert.equal(dtype, "f32");
});

Deno.test("Weights.read() refuses infinity and NaN where it keeps f16", () => {
  for (const value of [Infinity, -Infinity, NaN]) {
    assert.throws(
      () => Weights.read(stub(true), config, checkpoint("F16", 1, value), { keepStored: true }),
      { name: "UsageError", message: /"model\.embed_tokens\.weight" holds an infinity or NaN/ },
    );
  }
});
