/**
 * Conformance of the linear maps.
 *
 * @module
 */
import fc from "fast-check";
import { assert } from "#test";
import { linear, linearBackwardInput, linearBackwardWeight } from "../reference/linear.ts";
import { type StoredType, TestRandom } from "../reference/random.ts";
import {
  assertRows,
  backwardTolerance,
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

const cases = fc.record({
  n: rowCount(70),
  inputs: dimension(200),
  outputs: dimension(200),
  stored: fc.constantFrom<StoredType>("f32", "bf16", "f16"),
  bias: fc.boolean(),
  residual: fc.boolean(),
  accumulate: fc.boolean(),
  seed,
});

/** A weight [outputs, inputs] as numbers and as a tensor of the given element type. */
function weight(
  bench: Workbench,
  random: TestRandom,
  stored: StoredType,
  outputs: number,
  inputs: number,
) {
  const numbers = random.weights(stored, outputs * inputs);
  return { numbers, tensor: bench.putWeights(stored, numbers, outputs, inputs) };
}

/** Registers the tests of linear, linearBackwardInput and linearBackwardWeight. */
export function linearSuite(subject: Subject): void {
  propertyTest(subject, "linear() equals the reference", cases, async (bench, c) => {
    const random = new TestRandom(c.seed);
    const x = random.normals(c.n * c.inputs);
    const w = weight(bench, random, c.stored, c.outputs, c.inputs);
    const bias = random.normals(c.outputs), residual = random.normals(c.n * c.outputs);
    const y = bench.out(c.n, c.outputs);
    bench.device.linear(bench.put(x, c.n, c.inputs), w.tensor, y, {
      ...(c.bias && { bias: bench.put(bias, c.outputs) }),
      ...(c.residual && { residual: bench.put(residual, c.n, c.outputs) }),
    });
    const expected = linear(x, w.numbers, c.n, { ...(c.bias && { bias }), ...(c.residual && { residual }) });
    assertRows((await bench.read(y))[0]!, expected, c.outputs, forwardTolerance, "y");
  }, 40);

  propertyTest(subject, "linearBackwardInput() equals the reference", cases, async (bench, c) => {
    const random = new TestRandom(c.seed);
    const dy = random.normals(c.n * c.outputs), before = random.normals(c.n * c.inputs);
    const w = weight(bench, random, c.stored, c.outputs, c.inputs);
    const dx = c.accumulate ? bench.put(before, c.n, c.inputs) : bench.out(c.n, c.inputs);
    bench.device.linearBackwardInput(bench.put(dy, c.n, c.outputs), w.tensor, dx, c.accumulate);
    const expected = linearBackwardInput(dy, w.numbers, c.n).map((value, i) =>
      value + (c.accumulate ? before[i]! : 0)
    );
    assertRows((await bench.read(dx))[0]!, expected, c.inputs, backwardTolerance, "dx");
  }, 40);

  propertyTest(subject, "linearBackwardWeight() equals the reference", cases, async (bench, c) => {
    const random = new TestRandom(c.seed);
    const dy = random.normals(c.n * c.outputs), x = random.normals(c.n * c.inputs);
    const before = random.normals(c.outputs * c.inputs), biasBefore = random.normals(c.outputs);
    const dw = c.accumulate ? bench.put(before, c.outputs, c.inputs) : bench.out(c.outputs, c.inputs);
    const dBias = c.accumulate ? bench.put(biasBefore, c.outputs) : bench.out(c.outputs);
    bench.device.linearBackwardWeight(bench.put(dy, c.n, c.outputs), bench.put(x, c.n, c.inputs), dw, {
      accumulate: c.accumulate,
      ...(c.bias && { dBias }),
    });
    const expected = linearBackwardWeight(dy, x, c.n);
    const plus = (value: Float64Array, old: Float64Array) =>
      c.accumulate ? value.map((v, i) => v + old[i]!) : value;
    const [dwRead, dBiasRead] = await bench.read(dw, dBias);
    assertRows(dwRead!, plus(expected.dw, before), c.inputs, backwardTolerance, "dw");
    if (c.bias) {
      assertRows(dBiasRead!, plus(expected.dBias, biasBefore), c.outputs, backwardTolerance, "dBias");
    }
  }, 40);

  // Shapes on both sides of where engines change their blocking: few columns, few and many inner elements.
  for (
    const [inputs, outputs] of [[64, 48], [300, 70], [576, 192], [97, 1500], [1536, 33], [1000, 130]] as const
  ) {
    for (const stored of ["f32", "bf16", "f16"] as const) {
      conformanceTest(
        subject,
        `linear() gives a row the same bits in any batch, ${stored} ${outputs}×${inputs}`,
        (bench) => {
          const random = new TestRandom(5),
            x = random.normals(poolSize * inputs),
            r = random.normals(poolSize * outputs);
          const w = weight(bench, random, stored, outputs, inputs).tensor,
            bias = bench.put(random.normals(outputs), outputs);
          return assertInvariant(async (items) => {
            const n = items.length, y = bench.out(n, outputs), plain = bench.out(n, outputs);
            const input = bench.put(pick(x, items, inputs), n, inputs);
            bench.device.linear(input, w, y, {
              bias,
              residual: bench.put(pick(r, items, outputs), n, outputs),
            });
            bench.device.linear(input, w, plain);
            const [a, b] = await bench.read(y, plain);
            const rows = split(b!, n);
            return split(a!, n).map((row, i) => Float32Array.of(...row, ...rows[i]!));
          });
        },
      );
    }
    conformanceTest(
      subject,
      `linearBackwardInput() gives a row the same bits in any batch, ${outputs}×${inputs}`,
      (bench) => {
        const random = new TestRandom(6), dy = random.normals(poolSize * outputs);
        const w = bench.put(random.normals(outputs * inputs), outputs, inputs);
        return assertInvariant(async (items) => {
          const n = items.length, dx = bench.out(n, inputs);
          bench.device.linearBackwardInput(bench.put(pick(dy, items, outputs), n, outputs), w, dx);
          return split((await bench.read(dx))[0]!, n);
        });
      },
    );
  }

  conformanceTest(subject, "linear() works on views that start in the middle of a tensor", async (bench) => {
    const random = new TestRandom(8), x = random.normals(9 * 13), w = random.normals(10 * 13);
    const y = bench.out(9, 7);
    const { device } = bench;
    device.linear(
      device.rows(bench.put(x, 9, 13), 3, 8),
      device.rows(bench.put(w, 10, 13), 1, 8),
      device.rows(y, 2, 7),
    );
    const [read] = await bench.read(y);
    const expected = linear(x.slice(3 * 13, 8 * 13), w.slice(13, 8 * 13), 5);
    assertRows(read!.subarray(2 * 7, 7 * 7), expected, 7, forwardTolerance, "y");
    const outside = [...read!.subarray(0, 2 * 7), ...read!.subarray(7 * 7)];
    assert.ok(outside.every(Number.isNaN), "rows outside the view were written");
  });
}
