import fc from "fast-check";
import { assert } from "#test";
import { repeatedKey } from "./repeated_key.ts";

Deno.test("repeatedKey() gives the path of a key that repeats one of its own object", () => {
  const cases: [text: string, path: string | undefined][] = [
    ['{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}', undefined],
    ['{"a":1,"b":2,"a":3}', "a"],
    ['{"train": {"steps": 1, "k": [1, {"steps": 2}], "steps": 3}}', "train.steps"],
    ['{"controls":{"x":{"of":"cl"},"x":{"of":"grace"}}}', "controls.x"],
    ['{"a":"\\"a\\":1, {[:","b":"a"}', undefined],
    ['{"\\u0061":1,"a":2}', "a"],
    ['["a","a"]', undefined],
    ['"a"', undefined],
  ];
  for (const [text, path] of cases) assert.equal(repeatedKey(text), path, text);
});

Deno.test("repeatedKey() finds none in what JSON.stringify() writes", () => {
  fc.assert(
    fc.property(fc.json(), (text) => assert.equal(repeatedKey(JSON.stringify(JSON.parse(text))), undefined)),
  );
});
