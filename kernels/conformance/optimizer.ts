/**
 * Conformance of the optimiser step and of the gradient norm.
 *
 * @module
 */
import fc from "fast-check";
import { adamW, type AdamWState, globalNorm } from "../reference/adamw.ts";
import { TestRandom } from "../reference/random.ts";
import { assert, assertClose, assertSameBits } from "#test";
import {
  assertRows,
  backwardTolerance,
  conformanceTest,
  dimension,
  forwardTolerance,
  propertyTest,
  seed,
  type Subject,
} from "./harness.ts";

const cases = fc.record({
  sizes: fc.array(dimension(400), { minLength: 1, maxLength: 4 }),
  weightDecay: fc.constantFrom(0, 0.1),
  gradientScale: fc.constantFrom(1, 0.03),
  scale: fc.constantFrom(1e-4, 1),
  seed,
});

/** Registers the tests of adamW and globalNorm. */
export function optimizerSuite(subject: Subject): void {
  propertyTest(subject, "globalNorm() equals the reference to float64 precision", cases, async (bench, c) => {
    const random = new TestRandom(c.seed), gradients = c.sizes.map((size) => random.normals(size, c.scale));
    const norm = await bench.device.globalNorm(
      gradients.map((gradient) => bench.put(gradient, gradient.length)),
    );
    assertClose([norm / globalNorm(gradients)], [1], 1e-13, "norm");
  });

  propertyTest(subject, "adamW() follows the reference over several steps", cases, async (bench, c) => {
    const random = new TestRandom(c.seed), size = c.sizes[0]!;
    let state: AdamWState = {
      parameter: random.normals(size),
      m: new Float64Array(size),
      v: new Float64Array(size),
    };
    const start = state.parameter;
    const p = bench.put(start, size), m = bench.put(state.m, size), v = bench.put(state.v, size);
    for (let step = 1; step <= 4; step++) {
      const gradient = random.normals(size, c.scale);
      const { weightDecay, gradientScale } = c;
      const spec = {
        learningRate: 0.01,
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weightDecay,
        step,
        gradientScale,
      };
      bench.device.adamW(p, bench.put(gradient, size), m, v, spec);
      state = adamW(state, gradient, spec);
    }
    const [pRead, mRead, vRead] = await bench.read(p, m, v);
    assertRows(pRead!, state.parameter, size, forwardTolerance, "parameter");
    assertRows(mRead!, state.m, size, forwardTolerance, "m");
    assertRows(vRead!, state.v, size, forwardTolerance, "v");
    // The way it went, and not only where it is: most of a parameter is what it was. f32 parameters of order 1 keep
    // their place to 6e-8 a step of 0.01.
    const moved = (values: ArrayLike<number>) => Float64Array.from(start, (from, i) => values[i]! - from);
    assertRows(moved(pRead!), moved(state.parameter), size, 2 * backwardTolerance, "movement");
  });

  conformanceTest(
    subject,
    "adamW() leaves parameters alone at rate 0, and squares no unclipped gradient",
    async (bench) => {
      const size = 100, random = new TestRandom(4), start = random.normals(size);
      start.fill(0, 0, 10);
      const p = bench.put(start, size), v = bench.put(new Float64Array(size), size);
      const m = bench.put(new Float64Array(size), size), g = bench.put(random.normals(size, 1e25), size);
      const rest = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, step: 1, gradientScale: 1e-25 };
      bench.device.adamW(p, g, m, v, { ...rest, learningRate: 0 });
      const [pRead, mRead, vRead] = await bench.read(p, m, v);
      assertSameBits(pRead!, Float32Array.from(start), "parameter");
      assert.ok([...mRead!, ...vRead!].every((value) => Number.isFinite(value) && value !== 0), "moments");
    },
  );
}
