import { assert, assertClose } from "#test";
import golden from "../../fixtures/golden/general/lm_eval_results.json" with { type: "json" };
import type { LoadedScore, ScoreRecord } from "../score_record.ts";
import { scoreGsm8k } from "./gsm8k.ts";
import { lmEvalResults } from "./lm_eval_json.ts";
import { scoreMmluLikelihood } from "./mmlu.ts";

function loaded(
  task: string,
  score: ReturnType<typeof scoreGsm8k>,
  change: Partial<ScoreRecord> = {},
): LoadedScore {
  const { main, metrics, items, counts, warnings, aggregate } = score;
  const record: ScoreRecord = {
    schema: "grace-score/1",
    suite: "test",
    task,
    baseTask: task,
    category: "general",
    main,
    value: metrics[main]!,
    stderr: null,
    aggregate,
    metrics,
    counts,
    warnings,
    scorer: "gsm8k/1",
    content: "c",
    options: { shots: 1 },
    files: [],
    model: "m",
    items: { file: "x", rows: items.length, sha256: "" },
    ...change,
  };
  return { record, items };
}

const sums = (count: number) =>
  scoreGsm8k(
    Array.from(
      { length: count },
      (_, i) => ({ id: `${i}`, question: "q", prompt: "p", answer: `#### ${i}` }),
    ),
    Array.from({ length: count }, (_, i) => ({ text: i < 2 ? `${i}` : "none", tokens: 1, stopped: "eos" })),
  );

/** Six questions of each of two subjects: two right of the first, four of the second. */
const choices = () => {
  const items = Array.from({ length: 12 }, (_, i) => ({
    id: `${i}`,
    subject: i < 6 ? "a" : "b",
    question: "q",
    prompt: "p",
    continuations: [" A", " B", " C", " D"],
    answer: (i < 6 ? i < 2 : i < 10) ? 0 : 1,
  }));
  const likelihoods = items.flatMap(() => [-1, -2, -3, -4].map((logProb) => ({ logProb, tokens: 1 })));
  return loaded("choices", scoreMmluLikelihood(items, likelihoods), { scorer: "mmlu/1" });
};

/** Keys, and the types of what they hold. */
function shape(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== "object" || value === null) {
    return Array.isArray(value) ? value : typeof value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
}

Deno.test("lmEvalResults() has the form of lm-eval's own results of the same tasks", () => {
  const { configs, config, lm_eval_version, scored_by, versions, ...results } = lmEvalResults([
    loaded("sums", sums(6)),
    choices(),
  ])!;
  const { versions: theirVersions, ...theirs } = golden.file;
  assert.deepEqual(shape(results), shape(theirs));
  assert.deepEqual(Object.keys(versions).sort(), Object.keys(theirVersions).sort());
  assert.deepEqual(Object.keys(configs).sort(), ["choices_a", "choices_b", "sums"]);
  assert.deepEqual([config, lm_eval_version, scored_by.program], [{ model: "m" }, null, "grace-repro"]);
  for (const key of ["configs", "config", "lm_eval_version"]) assert.ok(golden.keys.includes(key), key);
});

Deno.test("lmEvalResults() has lm-eval's means and standard errors of the same answers", () => {
  const { results, "n-samples": samples } = lmEvalResults([choices()])!;
  const theirs = golden.file.results;
  for (const name of ["choices_a", "choices_b"] as const) {
    assertClose([results[name]!["acc,none"] as number], [theirs[name]["acc,none"]], 1e-12);
    assertClose([results[name]!["acc_stderr,none"] as number], [theirs[name]["acc_stderr,none"]], 1e-12);
    assert.deepEqual(samples[name], { original: 6, effective: 6 });
  }
  assert.equal(results["choices"]!["acc,none"], 0.5);
  assert.deepEqual(results["choices"]!["sample_count"], { "acc,none": 12 });
});

Deno.test("lmEvalResults() says N/A where there is no standard error, and is null without general benchmarks", () => {
  const { results } = lmEvalResults([loaded("gsm8k-1shot[x:1]", sums(1))])!;
  assert.equal(results["gsm8k-1shot[x:1]"]!["exact_match_stderr,strict-match"], "N/A");
  assert.equal(results["gsm8k-1shot[x:1]"]!["exact_match,flexible-extract"], 1);
  assert.equal(lmEvalResults([loaded("STS12", sums(2), { category: "sts" })]), null);
});

Deno.test("lmEvalResults() names filters as lm-eval does where a metric is read in one way", () => {
  const named = (scorer: string, options: Record<string, unknown>, metrics: Record<string, number>) => {
    const [main] = Object.keys(metrics) as [string];
    const score = { ...sums(2), main, metrics };
    const { results, "n-shot": shots } = lmEvalResults([loaded("t", score, { scorer, options })])!;
    return [Object.keys(results["t"]!).slice(3), shots["t"]];
  };
  assert.deepEqual(named("humaneval/1", {}, { "pass@1": 0.5, "pass@1_stderr": 0.1 }), [
    ["pass@1,create_test", "pass@1_stderr,create_test"],
    0,
  ]);
  assert.deepEqual(named("mmlu/1", { variant: "generative", shots: 5 }, { exact_match: 0.5 })[0], [
    "exact_match,get_response",
    "exact_match_stderr,get_response",
  ]);
  assert.deepEqual(
    named("triviaqa/1", {}, { "exact_match,em-lmeval": 0.5, "exact_match,em-official": 0.5 })[0],
    [
      "exact_match,remove_whitespace",
      "exact_match_stderr,remove_whitespace",
      "exact_match,em-official",
      "exact_match_stderr,em-official",
    ],
  );
  assert.equal(named("fever/1", { variant: "fever-3way" }, { acc: 0.5 })[1], 3);
});
