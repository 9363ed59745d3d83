import { UsageError } from "#errors";
import { assert } from "#test";
import { exampleRationale } from "./_example_page.ts";
import { rationaleSamples, sampleTables } from "./rationale_samples.ts";

function read(records: readonly object[]) {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, records.map((record) => JSON.stringify(record) + "\n").join(""));
    return rationaleSamples(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("rationaleSamples() takes the first and the last step of a journal", () => {
  const { first, last } = read([1, 1, 2, 3, 3].map((step, i) => exampleRationale(i, step)));
  assert.deepEqual(first.map(({ rollout }) => rollout), [0, 1]);
  assert.deepEqual(last.map(({ rollout }) => rollout), [3, 4]);
});

Deno.test("rationaleSamples() has no last step where there is one step, and none of an empty journal", () => {
  assert.deepEqual(read([exampleRationale(0)]).last, []);
  assert.deepEqual(read([]), { first: [], last: [] });
});

Deno.test("rationaleSamples() refuses a record that is no rationale", () => {
  assert.throws(() => read([{ ...exampleRationale(0), total: "<b>" }]), UsageError);
});

Deno.test("sampleTables() makes a table for each text, shows eight of a group and says how many more there are", () => {
  const group = Array.from({ length: 11 }, (_, i) => exampleRationale(i));
  const tables = sampleTables({ first: group, last: [{ ...exampleRationale(0, 9), example: 8 }] });
  assert.equal(tables.length, 2);
  assert.equal(tables[0]!.text.match(/<tr>/g)!.length, 1 + 8);
  assert.match(tables[0]!.text, /\(3 more rationales\)/);
  assert.match(tables[1]!.text, /Step 9: /);
});
