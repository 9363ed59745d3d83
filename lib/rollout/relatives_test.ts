import fc from "fast-check";
import { assert } from "#test";
import { byBeginning, relativesTogether } from "./relatives.ts";

Deno.test("relativesTogether() puts the questions of a task together, wherever they were", () => {
  const task = (first: number, ...question: number[]) => [first, first, first, first, first, ...question];
  const prompts = [task(7, 1, 2, 3), task(5, 1), task(7, 9, 9), task(5, 2, 2), task(6), task(7, 4)];
  assert.deepEqual(relativesTogether(prompts), [4, 1, 3, 5, 2, 0]);
});

Deno.test("relativesTogether() orders prompts that are no relatives by length, and equal lengths as they were", () => {
  const prompts = [[9, 1, 1, 1], [8, 1], [7, 1, 1], [1, 1], [9, 2, 2, 2]];
  assert.deepEqual(relativesTogether(prompts), [1, 3, 2, 0, 4]);
});

Deno.test("relativesTogether() gives every prompt once, however they are related", () => {
  const prompts = fc.array(fc.array(fc.nat(1), { minLength: 1, maxLength: 5 }), { maxLength: 20 });
  fc.assert(
    fc.property(prompts, (some) => {
      assert.deepEqual(relativesTogether(some).sort((a, b) => a - b), some.map((_, i) => i));
    }),
    { seed: 1 },
  );
});

Deno.test("byBeginning() orders prompts by their tokens, a beginning before what continues it", () => {
  assert.deepEqual(byBeginning([[2, 1], [1, 300, 1], [1, 7, 5], [1, 7], [2], [1, 7]]), [3, 5, 2, 1, 4, 0]);
});
