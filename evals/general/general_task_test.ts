import { assert, assertClose, sharedData, testWith } from "#test";
import { ChecksumGenerator, TrigramEncoder } from "../../fixtures/hashed_trigrams.ts";
import { Mirror } from "../../lib/data/mirror.ts";
import { findSuite } from "../find_suite.ts";
import { runSuite, scoreFromRecords } from "../run_suite.ts";
import { readScores } from "../score_record.ts";
import { resolveSuite, type Suite } from "../suite.ts";
import { generalName, generalSource, isGeneral } from "./general_task.ts";

Deno.test("generalName() and generalSource() tell every variant of the suites and the metric it is shown by", () => {
  const told = ["general", "general-variants"].flatMap((id) =>
    findSuite(id).entries.map((entry) => {
      assert.ok(entry.benchmark !== "mteb" && entry.benchmark !== "embedded");
      return `${generalName(entry)} ${generalSource(entry).metric}`;
    })
  );
  assert.deepEqual(told, [
    "gsm8k exact_match,flexible-extract",
    "mmlu acc",
    "triviaqa-open exact_match,em-lmeval",
    "fever-3way acc",
    "bbh_cot_fewshot exact_match,get-answer",
    "humaneval pass@1",
    "mmlu_generative exact_match",
    "mmlu_continuation acc",
    "triviaqa exact_match,em-lmeval",
    "fever-3way_likelihood acc",
    "fever-kilt acc",
    "fever-hl acc",
    "bbh_fewshot exact_match,stripped",
    "bbh_cot_zeroshot exact_match,flexible-extract",
    "bbh_zeroshot exact_match,flexible-extract",
    "humaneval_instruct pass@1",
    "humaneval_64 pass@1",
    "humaneval_64_instruct pass@1",
    "humaneval_200-t0.8 pass@1",
  ]);
});

testWith(sharedData, "the suite general reads the official questions of six benchmarks", async (root) => {
  const tasks = await resolveSuite(findSuite("general"), new Mirror(root));
  assert.deepEqual(tasks.map(({ name, data }) => [name, isGeneral(data) ? data.items.length : 0]), [
    ["gsm8k", 1319],
    ["mmlu-half", 7021],
    ["triviaqa-open", 11313],
    ["fever-3way", 9999],
    ["bbh_cot_fewshot", 6511],
    ["humaneval", 164],
  ]);
});

/** Parts of all six, small enough for a test; both kinds of answers, written and compared. */
const SUITE: Suite = {
  id: "part",
  about: "",
  embedded: false,
  entries: [
    {
      benchmark: "gsm8k",
      options: { shots: 0, maxNewTokens: 8, fewShotSeed: 1234 },
      slice: { kind: "gsm8k", items: 3 },
    },
    {
      benchmark: "mmlu",
      options: { variant: "generative", shots: 0 },
      slice: { kind: "mmlu", items: 4 },
    },
    {
      benchmark: "triviaqa",
      options: { subset: "open", maxNewTokens: 8 },
      slice: { kind: "triviaqa", items: 4 },
    },
    { benchmark: "fever", options: { variant: "fever-3way" }, slice: { kind: "fever", items: 6 } },
    { benchmark: "fever", options: { variant: "fever-3way_likelihood" }, slice: { kind: "fever", items: 6 } },
    { benchmark: "bbh", options: { variant: "cot_fewshot" }, slice: { kind: "bbh", perSubtask: 1 } },
    {
      benchmark: "humaneval",
      options: {
        variant: "base",
        sampling: { samples: 3, temperature: 0.2, topP: 0.95, seed: 1, k: [2] },
      },
      slice: { kind: "humaneval", items: 4 },
    },
    { benchmark: "humaneval", options: { variant: "base" }, slice: { kind: "humaneval", items: 4 } },
  ],
};

testWith(
  sharedData,
  "runSuite() asks, runs and scores parts of all six benchmarks, and goes on after a kill with the same scores",
  async (dataRoot) => {
    const mirror = new Mirror(dataRoot);
    const humaneval = (await resolveSuite(SUITE, mirror)).at(-1)!.data;
    assert.ok(humaneval.kind === "humaneval");
    const solutions = await mirror.split("test", "openai/openai_humaneval", "test", ({ value }) => value);
    const solutionOf = (prompt: string) =>
      String(solutions.rows.find((row) => row["prompt"] === prompt)!["canonical_solution"]);
    // Three of the four programs are right; the last leaves the sandbox's limits alone and fails.
    const right = new Set(humaneval.items.slice(0, 3).map(({ prompt }) => prompt));
    const answer = (prompt: string, sample: number) =>
      right.has(prompt) && sample < 2
        ? solutionOf(prompt)
        : humaneval.items.some((item) => item.prompt === prompt)
        ? "    raise ValueError('no')\n"
        : prompt.endsWith("Let's think step by step.\n")
        ? "So the answer is (A)."
        : " SUPPORTS";
    const root = await Deno.makeTempDir();
    const run = (out: string, signal?: AbortSignal, onPrograms?: (done: number) => void) =>
      runSuite({
        suite: SUITE,
        dataRoot,
        encoder: new TrigramEncoder(),
        generator: new ChecksumGenerator("scripted", answer),
        out,
        signal,
        onProgress: ({ stage, done }) => stage === "running programs" && onPrograms?.(done),
      });
    try {
      const whole = await run(`${root}/whole`);
      const value = Object.fromEntries(
        whole.scores.map(({ task, value }) => [task.replace(/\[.*/, ""), value]),
      );
      assert.equal(value["humaneval"], 3 / 4);
      const drawn = whole.scores.find(({ task }) => task.startsWith("humaneval_3"))!;
      assertClose([drawn.metrics["pass@1"]!, drawn.metrics["pass@2"]!], [1 / 2, 3 / 4], 1e-15);
      assert.deepEqual([drawn.counts["items"], drawn.counts["trials"], drawn.counts["correct"]], [4, 12, 6]);
      assert.ok(value["bbh_cot_fewshot"]! > 0 && value["bbh_cot_fewshot"]! < 1);
      assert.deepEqual(whole.scores.map(({ task }) => task), [
        "gsm8k-0shot[part:3]",
        "mmlu-half_generative[part:4]",
        "triviaqa-open[part:4]",
        "fever-3way[part:6]",
        "fever-3way_likelihood[part:6]",
        "bbh_cot_fewshot[part:27]",
        "humaneval_3[part:4]",
        "humaneval[part:4]",
      ]);
      for (const { task, counts, stderr, warnings } of whole.scores) {
        assert.ok(counts["items"]! > 0 && stderr !== null, task);
        // Whatever was not understood is in a sentence of the record, with its number.
        for (const [name, count] of Object.entries(counts)) {
          if (!/^unparsed/.test(name) || count === 0) continue;
          assert.ok(
            warnings.some((warning) => warning.startsWith(`${count} of ${counts["items"]} answers`)),
            task,
          );
        }
      }
      const stored = await readScores(`${root}/whole`);
      const items = stored.find(({ record }) => record.task.startsWith("humaneval["))!.items;
      assert.deepEqual(
        items.map((item) => (item["endings"] as string[])[0]),
        ["passed", "passed", "passed", "raised: ValueError: no"],
      );

      const killed = new AbortController();
      await assert.rejects(
        run(`${root}/killed`, killed.signal, (done) => done === 2 && killed.abort(new Error("killed"))),
        /killed/,
      );
      const before = (await Deno.readTextFile(`${root}/killed/executions.jsonl`)).split("\n");
      assert.ok(before.length > 2 && before.length < 6, `${before.length} lines`);
      const resumed = await run(`${root}/killed`);
      assert.deepEqual(resumed.scores, whole.scores);
      assert.deepEqual(resumed.requests.answered, 0);
      assert.deepEqual(await scoreFromRecords(SUITE, dataRoot, `${root}/killed`), whole.scores);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
);
