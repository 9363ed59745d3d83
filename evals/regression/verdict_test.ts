import fc from "fast-check";
import { assert } from "#test";
import { fails, fewestItems, verdictOf } from "./verdict.ts";

const change = fc.double({ min: -1, max: 1, noNaN: true });
const direction = fc.constantFrom(-1, 0, 1, null);
const points = fc.double({ min: 0, max: 100, noNaN: true });

Deno.test("verdictOf() fails no smaller a tolerance than it fails: what a larger one fails, a smaller one fails", () => {
  fc.assert(fc.property(change, direction, points, points, (change, direction, a, b) => {
    const failed = (maxDropPoints: number) => fails(verdictOf({ change, direction, maxDropPoints }));
    if (failed(Math.max(a, b))) assert.ok(failed(Math.min(a, b)));
  }));
});

Deno.test("verdictOf() fails drops alone, beyond the tolerance, that are told from noise or cannot be asked for it", () => {
  fc.assert(fc.property(change, direction, points, (change, direction, maxDropPoints) => {
    const verdict = verdictOf({ change, direction, maxDropPoints });
    const beyond = -100 * change > maxDropPoints + 1e-9;
    assert.equal(fails(verdict), beyond && (direction === -1 || direction === null));
    assert.equal(verdict === "improved", change > 0 && (direction === 1 || direction === null));
    if (verdict === "dropped") assert.ok(beyond);
  }));
});

Deno.test("verdictOf() names what becomes of a drop of two points", () => {
  const drop = (direction: -1 | 0 | 1 | null, maxDropPoints: number) =>
    verdictOf({ change: 0.58 - 0.6, direction, maxDropPoints });
  assert.equal(drop(-1, 1), "regressed");
  assert.equal(drop(0, 1), "dropped");
  assert.equal(drop(-1, 3), "tolerated");
  assert.equal(drop(0, 3), "noise");
  assert.equal(drop(null, 1), "regressed");
  assert.equal(drop(null, 3), "tolerated");
  // 0.58 - 0.6 is a little more than two points.
  assert.equal(drop(-1, 2), "tolerated");
  assert.equal(verdictOf({ change: 0, direction: null, maxDropPoints: 0 }), "noise");
});

Deno.test("fewestItems() is the least number of items all of which drop by chance less often than a tail has", () => {
  for (const [family, confidence] of [[1, 0.95], [10, 0.95], [57, 0.99], [3, 0.5]] as const) {
    const fewest = fewestItems(family, confidence), tail = (1 - confidence) / 2 / family;
    assert.ok(2 ** -fewest <= tail && 2 ** -(fewest - 1) > tail);
  }
});
