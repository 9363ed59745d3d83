import { assert } from "#test";
import { failuresOf, renderFailures } from "./failures.ts";
import { GenerationStore, requestKey } from "./generation_store.ts";
import type { LoadedScore, ScoreRecord } from "./score_record.ts";

const record = (task: string, scorer: string, category: ScoreRecord["category"] = "general") =>
  ({ task, scorer, category }) as ScoreRecord;

Deno.test("failuresOf() shows the first wrong answers of each general benchmark with what was written and read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const requests = ["a", "b"].map((prompt) => ({ prompt, stops: [], maxNewTokens: 8 }));
    using store = GenerationStore.open(folder, "g");
    store.add(requests, ["a | long\nanswer", "5"].map((text) => ({ text, tokens: 1, stopped: "eos" })));
    const [first, second] = requests.map(requestKey);
    const scores: LoadedScore[] = [
      {
        record: record("bbh_fewshot", "bbh/1"),
        items: [
          { id: "x/1", value: 1, request: second, answer: "5", target: "5" },
          { id: "x/2", value: 0, request: first, answer: null, target: "(A)" },
        ],
      },
      {
        record: record("humaneval", "humaneval/1"),
        items: [1, 2, 3, 4].map((i) => ({ id: `${i}`, value: 0, endings: ["raised: AssertionError"] })),
      },
      { record: record("STS12", "sts/1", "sts"), items: [{ id: "1", value: 0 }] },
    ];
    const failures = failuresOf(folder, scores);
    assert.deepEqual(failures.map(({ task, item }) => `${task} ${item}`), [
      "bbh_fewshot x/2",
      "humaneval 1",
      "humaneval 2",
      "humaneval 3",
    ]);
    assert.deepEqual(failures[0], {
      task: "bbh_fewshot",
      item: "x/2",
      wrote: "a | long\nanswer",
      read: null,
      right: "(A)",
    });
    assert.deepEqual([failures[1]!.wrote, failures[1]!.read], [null, "raised: AssertionError"]);
    assert.match(
      renderFailures(failures),
      /^\| bbh_fewshot \| x\/2 \| `"a \\\| long\\nanswer"` \| nothing \| `"\(A\)"` \|$/m,
    );
    assert.equal(renderFailures([]), "");
    assert.deepEqual(failuresOf(`${folder}/elsewhere`, scores).map(({ wrote }) => wrote), [
      null,
      null,
      null,
      null,
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
