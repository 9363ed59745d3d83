import { assert } from "#test";
import { suggest } from "./suggest.ts";

Deno.test("suggest() finds the nearest name, whatever its case", () => {
  const known = ["steps", "seed", "suite", "learningRate"];
  assert.equal(suggest("stesp", known), "steps");
  assert.equal(suggest("LEARNINGRATE", known), "learningRate");
  assert.equal(suggest("sed", known), "seed");
});

Deno.test("suggest() never offers the very name that was typed", () => {
  assert.equal(suggest("seed", ["seed"]), undefined);
  assert.equal(suggest("train.steps", ["train.steps", "train.step"]), "train.step");
});

Deno.test("suggest() gives nothing when no name is near", () => {
  assert.equal(suggest("backbone", ["steps", "seed"]), undefined);
  assert.equal(suggest("ab", ["xy"]), undefined);
  assert.equal(suggest("seed", []), undefined);
});
