import { assert } from "#test";
import { UsageError } from "#errors";
import { entryCategory, entryName, findSuite, suiteId } from "./find_suite.ts";

const names = (id: string) => findSuite(id).entries.map(entryName);

Deno.test("findSuite() finds whole suites, of as many tasks as they are known for", () => {
  const sizes = { "mteb-eng-v1": 56, "subset-16": 16, "grace-released": 55, mteb: 58, tiny: 9, mini: 5 };
  for (const [id, size] of Object.entries(sizes)) {
    const suite = findSuite(id);
    assert.deepEqual([suite.id, suite.entries.length, suite.profile], [id, size, undefined]);
  }
});

Deno.test("findSuite() takes tasks and types of a suite in the suite's order, each once", () => {
  assert.deepEqual(names("mteb-eng-v1:sts,SciFact,STS13").length, 11);
  assert.equal(names("mteb-eng-v1:sts,SciFact,STS13")[0], "SciFact");
  assert.deepEqual(names("mini:General,STS"), ["STSBenchmark", "gsm8k", "mmlu"]);
  assert.deepEqual(names("tiny:WordNetSTS"), ["WordNetSTS"]);
  assert.match(findSuite("tiny:WordNetSTS").about, /^1 of 9 tasks of "tiny": nine small tasks/);
  assert.deepEqual(names("grace-released:STS17"), ["STS17"]);
  assert.deepEqual(
    new Set(findSuite("subset-16:Clustering").entries.map(entryCategory)),
    new Set(["clustering"]),
  );
});

Deno.test("findSuite() takes a profile, which is part of the id unless it is the usual one", () => {
  const suite = findSuite("subset-16:STS@mteb-2+sklearn-1.2");
  assert.equal(suite.id, "subset-16:STS@mteb-2+sklearn-1.2");
  assert.equal(suite.profile?.mteb, "2");
  assert.equal(findSuite("subset-16@mteb-1.38.33").id, "subset-16");
  assert.equal(findSuite("subset-16@sklearn-1.2").id, "subset-16@mteb-1.38.33+sklearn-1.2");
});

Deno.test("findSuite() refuses what there is not, and suggests what is near", () => {
  const refused: [id: string, message: RegExp, cure: RegExp][] = [
    ["minni", /^unknown suite "minni"$/, /did you mean mini\?/],
    ["", /^unknown suite ""$/, /suites: tiny/],
    ["mini:SciFakt", /^the suite "mini" has no task or type "SciFakt"$/, /did you mean SciFact\?/],
    ["mini:", /no task or type ""/, /--list --suite mini/],
    ["mini:SciFact,", /no task or type ""/, /--list/],
    ["mini@mteb-9", /^unknown profile "mteb-9"$/, /profiles: /],
  ];
  for (const [id, message, cure] of refused) {
    assert.throws(
      () => findSuite(id),
      (error) => error instanceof UsageError && message.test(error.message) && cure.test(error.cure),
      id,
    );
  }
});

Deno.test("suiteId() puts together what was chosen", () => {
  const cases: [choice: Parameters<typeof suiteId>[0], id: string | undefined][] = [
    [{}, undefined],
    [{ suite: "mini" }, "mini"],
    [{ tasks: ["STS13", "SciFact"] }, "mteb:STS13,SciFact"],
    [{ types: ["STS"] }, "mteb-eng-v1:STS"],
    [{ suite: "subset-16", types: ["STS"], profile: "mteb-2" }, "subset-16:STS@mteb-2"],
    [{ profile: "mteb-2" }, "standard@mteb-2"],
  ];
  for (const [choice, id] of cases) assert.equal(suiteId(choice, "standard"), id);
  assert.throws(() => suiteId({ tasks: ["a"], types: ["b"] }, "standard"), UsageError);
});
