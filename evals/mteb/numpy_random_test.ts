import { assert } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { Mt19937 } from "../mt19937.ts";
import { RandomState } from "./numpy_random.ts";

interface Shuffle {
  seed: number;
  n: number;
  order: number[];
  intervals: number[];
}

Deno.test("Mt19937.fromSeed() gives numpy's first words for seed 42", () => {
  const words = Mt19937.fromSeed(42);
  assert.deepEqual(Array.from({ length: 4 }, () => words.nextU32()), [
    1608637542,
    3421126067,
    4083286876,
    787846414,
  ]);
});

Deno.test("RandomState.shuffle() and interval() draw as numpy does", () => {
  for (const { seed, n, order, intervals } of golden<{ shuffles: Shuffle[] }>("mteb/metrics.json").shuffles) {
    const state = new RandomState(seed);
    const list = Array.from({ length: n }, (_, i) => i);
    state.shuffle(list);
    assert.deepEqual(list, order, `seed ${seed}`);
    assert.deepEqual(intervals.map(() => state.interval(1000002)), intervals, `seed ${seed}`);
  }
});

Deno.test("RandomState.interval() takes no draw when there is one value", () => {
  const a = new RandomState(1), b = new RandomState(1);
  assert.equal(a.interval(0), 0);
  assert.equal(a.interval(99), b.interval(99));
});

interface Draws {
  seed: number;
  integers: number[];
  doubles: number[];
  permutation: number[];
  withoutReplacement: number[];
  weighted: { n: number; rows: number[] }[];
  after: number;
}

Deno.test("RandomState draws integers, doubles, permutations and weighted choices as numpy does", () => {
  for (const row of golden<{ rows: Draws[] }>("clustering/draws.json").rows) {
    const state = new RandomState(row.seed);
    assert.deepEqual([...state.integers(1000, 8)], row.integers);
    assert.deepEqual(row.doubles.map(() => state.double()), row.doubles);
    assert.deepEqual([...state.permutation(12)], row.permutation);
    assert.deepEqual([...state.permutation(50).subarray(0, 5)], row.withoutReplacement);
    for (const { n, rows } of row.weighted) {
      assert.deepEqual([...state.weightedChoice(n, new Int32Array(6))], rows, `choice of ${n}`);
    }
    assert.equal(state.interval(999), row.after);
  }
});
