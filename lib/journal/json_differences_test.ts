import fc from "fast-check";
import { assert } from "#test";
import { jsonDifferences } from "./json_differences.ts";

Deno.test("jsonDifferences() names the path of every value that differs, and no other", () => {
  const left = { a: 1, b: { c: [1, 2, { d: "x" }], e: null }, f: 0 };
  const right = { b: { e: false, c: [1, 3, { d: "x", g: true }] }, a: 1, f: -0, h: [] };
  assert.deepEqual([...jsonDifferences(left, right)], [
    { path: "b.c.1", left: 2, right: 3 },
    { path: "b.c.2.g", left: undefined, right: true },
    { path: "b.e", left: null, right: false },
    { path: "h", left: undefined, right: [] },
  ]);
  assert.deepEqual([...jsonDifferences([1], { 0: 1 })], [{ path: "", left: [1], right: { 0: 1 } }]);
  assert.deepEqual([...jsonDifferences({ toString: 1 }, {})], [{
    path: "toString",
    left: 1,
    right: undefined,
  }]);
});

Deno.test("jsonDifferences() finds nothing exactly where two JSON values are equal", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    const copy = JSON.parse(JSON.stringify(a));
    assert.deepEqual([...jsonDifferences(a, copy)], []);
    const [first] = jsonDifferences(copy, JSON.parse(JSON.stringify(b)));
    let equal = true;
    try {
      assert.deepEqual(copy, JSON.parse(JSON.stringify(b)));
    } catch {
      equal = false;
    }
    assert.equal(first === undefined, equal);
  }));
});

Deno.test("jsonDifferences() survives values of any depth", () => {
  const deep = (end: string) => JSON.parse("[".repeat(3000) + end + "]".repeat(3000));
  assert.equal([...jsonDifferences(deep("1"), deep("2"))].length, 1);
  assert.deepEqual([...jsonDifferences(deep("1"), deep("1"))], []);
});
