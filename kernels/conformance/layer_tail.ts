/**
 * Conformance of the half of a layer that follows its attention, with weights as they are; packed ones are in
 * `packed_weights.ts`.
 *
 * @module
 */
import fc from "fast-check";
import { assertSameBits } from "#test";
import type { LayerTailKept, LayerTailWeights } from "../layer_types.ts";
import { linear } from "../reference/linear.ts";
import { rmsNorm } from "../reference/norm.ts";
import { type StoredType, TestRandom } from "../reference/random.ts";
import { swiglu } from "../reference/swiglu.ts";
import type { Tensor } from "../tensor_types.ts";
import {
  assertRows,
  conformanceTest,
  dimension,
  forwardTolerance,
  propertyTest,
  rowCount,
  seed,
  type Subject,
} from "./harness.ts";
import { assertInvariant, pick, poolSize, split } from "./row_invariance.ts";
import type { Workbench } from "./workbench.ts";

const eps = 1e-5;

const stored = fc.constantFrom<StoredType>("f32", "bf16", "f16");

const cases = fc.record({
  n: rowCount(70),
  width: dimension(40),
  // Above 256, sums go over several chunks.
  dim: fc.oneof(dimension(200), fc.integer({ min: 257, max: 1100 })),
  inner: dimension(200),
  types: fc.record({ o: stored, gate: stored, up: stored, down: stored }),
  seed,
});

/** Sizes of a layer: of what was attended, of its rows, and of the feed-forward block. */
interface Sizes {
  readonly width: number;
  readonly dim: number;
  readonly inner: number;
}

/** Random weights, as numbers and as tensors. */
function weightsOf(
  bench: Workbench,
  { width, dim, inner }: Sizes,
  types: Readonly<Record<"o" | "gate" | "up" | "down", StoredType>>,
  random: TestRandom,
) {
  const matrix = (type: StoredType, outputs: number, inputs: number) => {
    const values = random.weights(type, outputs * inputs, 2 / Math.sqrt(inputs));
    return { values, tensor: bench.putWeights(type, values, outputs, inputs) };
  };
  const norm = random.normals(dim);
  const all = {
    o: matrix(types.o, dim, width),
    norm: { values: norm, tensor: bench.put(norm, dim) },
    gate: matrix(types.gate, inner, dim),
    up: matrix(types.up, inner, dim),
    down: matrix(types.down, dim, inner),
  };
  const each = <T>(f: (one: typeof all.o) => T) => ({
    o: f(all.o),
    norm: f(all.norm),
    gate: f(all.gate),
    up: f(all.up),
    down: f(all.down),
  });
  return { values: each(({ values }) => values), tensors: each(({ tensor }) => tensor) };
}

/** What {@linkcode Device.layerTail} stands for. */
export function layerTailByOps(
  bench: Workbench,
  x: Tensor,
  attended: Tensor,
  weights: LayerTailWeights,
  eps: number,
): { readonly y: Tensor } & LayerTailKept {
  const { device } = bench, n = x.shape[0]!, inner = weights.gate.shape[0]!;
  const [m, h, y] = [bench.out(...x.shape), bench.out(...x.shape), bench.out(...x.shape)] as const;
  const [gate, up, act] = [bench.out(n, inner), bench.out(n, inner), bench.out(n, inner)] as const;
  device.linear(attended, weights.o, m, { residual: x });
  device.rmsNorm(m, weights.norm, eps, h);
  device.linear(h, weights.gate, gate);
  device.linear(h, weights.up, up);
  device.swiglu(gate, up, act);
  device.linear(act, weights.down, y, { residual: m });
  return { y, m, gate, up };
}

/** Room for what {@linkcode Device.layerTail} keeps. */
export function keptOf(bench: Workbench, n: number, dim: number, inner: number): LayerTailKept {
  return { m: bench.out(n, dim), gate: bench.out(n, inner), up: bench.out(n, inner) };
}

/** Registers the tests of layerTail. */
export function layerTailSuite(subject: Subject): void {
  propertyTest(
    subject,
    "layerTail() equals the reference, and by bits the ops that it stands for",
    cases,
    async (bench, { n, width, dim, inner, types, seed }) => {
      const random = new TestRandom(seed);
      const { values: w, tensors } = weightsOf(bench, { width, dim, inner }, types, random);
      const x = random.normals(n * dim), attended = random.normals(n * width);
      const xTensor = bench.put(x, n, dim), attendedTensor = bench.put(attended, n, width);
      const y = bench.out(n, dim);
      bench.device.layerTail(xTensor, attendedTensor, tensors, eps, y);
      const { y: separate, ...passed } = layerTailByOps(bench, xTensor, attendedTensor, tensors, eps);
      const [actual, expected] = await bench.read(y, separate);
      assertSameBits(actual!, expected!);
      const kept = keptOf(bench, n, dim, inner), again = bench.out(n, dim);
      bench.device.layerTail(xTensor, attendedTensor, tensors, eps, again, kept);
      assertSameBits((await bench.read(again))[0]!, actual!, "with what is kept");
      for (const name of ["m", "gate", "up"] as const) {
        const [here, there] = await bench.read(kept[name], passed[name]);
        assertSameBits(here!, there!, name);
      }
      const m = linear(attended, w.o, n, { residual: x }), h = rmsNorm(m, w.norm, eps);
      const act = swiglu(linear(h, w.gate, n), linear(h, w.up, n));
      assertRows(actual!, linear(act, w.down, n, { residual: m }), dim, forwardTolerance, "y", 0.1);
    },
  );

  for (const [dim, inner, type] of [[60, 5, "f32"], [700, 96, "bf16"], [1100, 33, "f16"]] as const) {
    conformanceTest(
      subject,
      `layerTail() gives a row the same bits in any batch, ${type} ${inner}×${dim}`,
      (bench) => {
        const random = new TestRandom(dim), width = 24;
        const x = random.normals(poolSize * dim), attended = random.normals(poolSize * width);
        const types = { o: type, gate: type, up: type, down: type };
        const { tensors } = weightsOf(bench, { width, dim, inner }, types, random);
        return assertInvariant(async (items) => {
          using inside = bench.nested();
          const n = items.length, y = inside.out(n, dim);
          const put = (values: Float64Array, columns: number) =>
            inside.put(pick(values, items, columns), n, columns);
          inside.device.layerTail(put(x, dim), put(attended, width), tensors, eps, y);
          return split((await inside.read(y))[0]!, n);
        });
      },
    );
  }
}
