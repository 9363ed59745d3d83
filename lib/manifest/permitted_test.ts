import { assert } from "#test";
import { leafPaths } from "./leaves.ts";
import { describePermitted, settingSchema } from "./permitted.ts";

Deno.test("describePermitted() tells type, bounds and names", () => {
  const cases: [path: string, words: string][] = [
    ["sampling.k", "whole number of at least 2"],
    ["seed", "whole number from 0 to 4294967295"],
    ["sampling.topP", "number above 0, at most 1"],
    ["optimizer.beta1", "number of at least 0, below 1"],
    ["loss.clipLow", "number from 0 to 1"],
    ["loss.surrogate", 'one of "ppo-clip", "reinforce"'],
    ["pooling.input", "true or false"],
    ["suite", "text that is not empty"],
    ["data.subset", "text"],
    ["arms", "list of texts, at least 1"],
  ];
  for (const [path, words] of cases) assert.equal(describePermitted(settingSchema(path)!), words, path);
});

Deno.test("describePermitted() has words of its own for every setting", () => {
  for (const path of leafPaths()) {
    const words = describePermitted(settingSchema(path)!);
    assert.doesNotMatch(words, /object|undefined/, path);
  }
});

Deno.test("settingSchema() finds sections and settings, and nothing that only looks like one", () => {
  assert.deepEqual(Object.keys(settingSchema("advantage")!.properties!), ["estimator", "divideByStd"]);
  for (const path of ["", "advantage.", "advantage.estimator.x", "toString", "__proto__"]) {
    assert.equal(settingSchema(path), undefined, path);
  }
});
