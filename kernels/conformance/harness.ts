/**
 * What the conformance suites share: an engine under test, tests that own their tensors, and the comparison with the
 * float64 reference.
 *
 * Tolerances. An f32 sum of k products of random sign is off by about √k · 2⁻²⁴ of its size: 2e-6 for k = 1,000, the
 * longest sums here. Forward ops are held to {@linkcode forwardTolerance}. A backward op starts from rounded forward
 * values and subtracts nearly equal numbers (softmax and norm projections), which costs a small factor more:
 * {@linkcode backwardTolerance}.
 *
 * @module
 */
import fc from "fast-check";
import { assert, type Numbers } from "#test";
import type { Device } from "../device.ts";
import { Workbench } from "./workbench.ts";

/** Relative error that a forward op may have in any row. */
export const forwardTolerance = 1e-5;

/** Relative error that a backward op may have in any row. */
export const backwardTolerance = 5e-5;

/** An engine under test; all its tests share one device, which is made when the first of them runs. */
export interface Subject {
  readonly name: string;
  readonly device: () => Promise<Device>;
}

/** Names an engine and says how to make it. */
export function subjectOf(name: string, factory: () => Device | Promise<Device>): Subject {
  let device: Promise<Device> | undefined;
  return { name, device: () => device ??= Promise.resolve(factory()) };
}

/** Registers a test. It fails if it leaves more (or less) memory in tensors than it found. */
export function conformanceTest(
  subject: Subject,
  name: string,
  body: (bench: Workbench) => Promise<void>,
): void {
  Deno.test({
    name: `${subject.name}: ${name}`,
    // The device outlives the test that happens to make it.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const device = await subject.device();
      const before = device.memory.current;
      {
        using bench = new Workbench(device);
        await body(bench);
      }
      assert.equal(device.memory.current, before, "bytes in tensors after the test");
    },
  });
}

/** Registers a test of random cases with a fixed seed; each case has its own tensors, and a failure is shrunk. */
export function propertyTest<T>(
  subject: Subject,
  name: string,
  cases: fc.Arbitrary<T>,
  body: (bench: Workbench, value: T) => Promise<void>,
  numRuns = 25,
): void {
  conformanceTest(subject, name, async (outer) => {
    await fc.assert(
      fc.asyncProperty(cases, async (value) => {
        using bench = new Workbench(outer.device);
        await body(bench, value);
      }),
      { seed: 251004506, numRuns },
    );
  });
}

/** A number of rows: one and two often, because engines have special paths for them. */
export function rowCount(max: number): fc.Arbitrary<number> {
  return fc.oneof(fc.constant(1), fc.constant(2), fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
}

/** Any dimension, odd ones and 1 included. */
export function dimension(max: number): fc.Arbitrary<number> {
  return fc.integer({ min: 1, max });
}

/** Seed of the data of a case. */
export const seed: fc.Arbitrary<number> = fc.nat(1e9);

/**
 * Fails unless every row of `width` is within `tolerance`: ‖actual − expected‖ of the row, over the row's own norm or
 * the typical norm of a row, whichever is larger. One wrong row among many cannot hide in the norm of the whole.
 *
 * @param floor smallest size of an element that an error is measured on, for results that are what is left of larger
 *   numbers and have no digits of their own
 */
export function assertRows(
  actual: Numbers,
  expected: Numbers,
  width: number,
  tolerance: number,
  what: string,
  floor = 0,
): void {
  assert.equal(actual.length, expected.length, `${what}: lengths differ`);
  const rows = expected.length / width;
  const normOf = (f: (i: number) => number, row: number) => {
    let sum = 0;
    for (let i = row * width; i < (row + 1) * width; i++) sum += f(i) ** 2;
    return Math.sqrt(sum);
  };
  let total = 0;
  for (let i = 0; i < expected.length; i++) total += expected[i]! ** 2;
  const typical = Math.sqrt(total / Math.max(rows, 1));
  for (let row = 0; row < rows; row++) {
    const scale = Math.max(normOf((i) => expected[i]!, row), typical, floor * Math.sqrt(width)) || 1;
    const error = normOf((i) => actual[i]! - expected[i]!, row) / scale;
    if (!(error <= tolerance)) {
      assert.fail(`${what}: row ${row} of ${rows}: relative error ${error} > ${tolerance}`);
    }
  }
}
