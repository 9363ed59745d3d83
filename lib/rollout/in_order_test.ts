import { assert } from "#test";
import { inOrder } from "./in_order.ts";

Deno.test("inOrder() waits for what comes before", () => {
  const seen: [string, number][] = [];
  const add = inOrder<string>((value, index) => seen.push([value, index]));
  add(2, "c");
  add(1, "b");
  assert.deepEqual(seen, []);
  add(0, "a");
  assert.deepEqual(seen, [["a", 0], ["b", 1], ["c", 2]]);
  add(3, "d");
  assert.equal(seen.length, 4);
});
