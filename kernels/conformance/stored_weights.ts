/**
 * Conformance of weights that are stored in 16 bits: every op that takes them computes what it does with their numbers
 * in f32.
 *
 * @module
 */
import fc from "fast-check";
import { assertSameBits } from "#test";
import type { Tensor } from "../tensor_types.ts";
import type { HalfType } from "../element_type.ts";
import { f16sToF32 } from "../half_floats.ts";
import { TestRandom } from "../reference/random.ts";
import { conformanceTest, dimension, propertyTest, rowCount, seed, type Subject } from "./harness.ts";
import type { Workbench } from "./workbench.ts";

const cases = fc.record({
  n: rowCount(12),
  inputs: dimension(150),
  outputs: dimension(150),
  stored: fc.constantFrom<HalfType>("bf16", "f16"),
  // Of the smallest scale, most f16 are subnormal and some are 0.
  scale: fc.constantFrom(1, 1e-3, 3e-7),
  seed,
});

/** The bit patterns of all finite f16 numbers, and what they are. */
function everyF16() {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((i) => (i & 0x7c00) !== 0x7c00);
  const values = new Float32Array(bits.length);
  f16sToF32(bits, values);
  return { bits, values };
}

/** An identity matrix. */
function identity(bench: Workbench, size: number): Tensor {
  return bench.put(
    Float32Array.from({ length: size * size }, (_, i) => i % (size + 1) === 0 ? 1 : 0),
    size,
    size,
  );
}

/** Registers the tests of stored weights. */
export function storedWeightsSuite(subject: Subject): void {
  // Rows of four and rows that no vector of four divides.
  for (const width of [64, 31]) {
    conformanceTest(
      subject,
      `embedding() widens every finite f16 number exactly, in rows of ${width}`,
      async (bench) => {
        const { device } = bench, { bits, values } = everyF16(), rows = bits.length / width;
        const w = device.upload(bits, [rows, width], "f16"), y = bench.out(rows, width);
        device.embedding(bench.putIds(Int32Array.from({ length: rows }, (_, i) => i)), w, y);
        assertSameBits((await bench.read(y))[0]!, values);
        device.free(w);
      },
    );

    conformanceTest(
      subject,
      `products widen every finite f16 number exactly, ${width} inputs`,
      async (bench) => {
        const { device } = bench, { bits, values } = everyF16(), rows = bits.length / width;
        const w = device.upload(bits, [rows, width], "f16"), columns = bench.out(width, rows);
        device.linear(identity(bench, width), w, columns);
        const picked = bench.out(rows, width);
        device.linearBackwardInput(identity(bench, rows), w, picked);
        const [y, dx] = await bench.read(columns, picked);
        // A sum with zeros has no sign where it is 0.
        const unsigned = (numbers: Float32Array) => numbers.map((value) => value === 0 ? 0 : value);
        const transposed = y!.map((_, i) => y![(i % width) * rows + Math.floor(i / width)]!);
        assertSameBits(unsigned(transposed), unsigned(values), "y");
        assertSameBits(unsigned(dx!), unsigned(values), "dx");
        device.free(w);
      },
    );
  }

  propertyTest(
    subject,
    "weights of 16 bits give the bits of the same numbers in f32",
    cases,
    async (bench, { n, inputs, outputs, stored, scale, seed }) => {
      const { device } = bench, random = new TestRandom(seed);
      const w = random.weights(stored, outputs * inputs, scale);
      const x = bench.put(random.normals(n * inputs), n, inputs);
      const dy = bench.put(random.normals(n * outputs), n, outputs);
      const ids = random.integers(n, outputs);
      const gradient = { dLogProb: Float32Array.from(random.normals(n)) };
      const compute = async (type: "f32" | HalfType) => {
        const weight = bench.putWeights(type, w, outputs, inputs);
        const y = bench.out(n, outputs), logits = bench.out(n, outputs);
        const dx = bench.out(n, inputs), dh = bench.out(n, inputs);
        device.linear(x, weight, y);
        device.linearBackwardInput(dy, weight, dx);
        device.logits(x, weight, logits);
        device.fill(dh, 0);
        const statistics = await device.lmHead(x, weight, ids, 0.8);
        device.lmHeadBackward(x, weight, ids, 0.8, statistics, gradient, dh, null);
        const { logProb, logSumExp, entropy } = statistics;
        const [a, b, c, d] = await bench.read(y, dx, logits, dh);
        return { y: a!, dx: b!, logits: c!, dh: d!, logProb, logSumExp, entropy };
      };
      const narrow = await compute(stored), wide = await compute("f32");
      for (const [name, values] of Object.entries(wide)) {
        assertSameBits(narrow[name as keyof typeof wide], values, name);
      }
    },
    40,
  );
}
