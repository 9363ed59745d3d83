import { assert, assertRelative } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { contractedTail, effectiveItems, expandedTail } from "./small_samples.ts";

const { tails } = golden<{ tails: { tail: number; items: number; expanded: number }[] }>(
  "regression/regression.json",
);

Deno.test("expandedTail() is what scipy's distributions give, and contractedTail() undoes it", () => {
  for (const { tail, items, expanded } of tails) {
    assertRelative([expandedTail(tail, items)], [expanded], 1e-6);
    assertRelative([contractedTail(expanded, items)], [tail], 1e-6);
  }
});

Deno.test("expandedTail() asks the more the fewer items there are, and nothing of infinitely many", () => {
  const of = (items: number) => expandedTail(0.0025, items);
  assert.ok(of(5) < of(12) && of(12) < of(100) && of(100) < of(1e5) && of(1e5) < 0.0025);
  assert.equal(of(Infinity), 0.0025);
  assert.deepEqual([expandedTail(0, 12), expandedTail(0.5, 12), contractedTail(0, 12)], [0, 0.5, 0]);
});

Deno.test("effectiveItems() of one task are its items, of several equal ones all of theirs, and a task of few counts", () => {
  const part = (variance: number, items: number) => ({ variance, items });
  assertRelative([effectiveItems([part(2, 12)])], [12], 1e-12);
  assertRelative([effectiveItems([part(2, 12), part(2, 12)])], [23], 1e-12);
  assert.ok(effectiveItems([part(9, 12), part(1, 1000)]) < 16);
  assert.equal(effectiveItems([part(0, 12)]), Infinity);
});
