import fc from "fast-check";
import { assert, assertClose } from "#test";
import type { ScoredItem } from "../score.ts";
import type { LoadedScore } from "../score_record.ts";
import { answers, baselineOf, itemsOf, MEASURED, scoreOf } from "./_scores.ts";
import { baselineText, parseBaseline } from "./baseline.ts";
import { type CheckOptions, type CheckReport, checkScores } from "./check.ts";

const reread = (baseline: ReturnType<typeof baselineOf>) => parseBaseline(baselineText(baseline), "b.json");
const verdicts = ({ tasks }: CheckReport) =>
  Object.fromEntries(tasks.map(({ task, verdict }) => [task, verdict]));

/** Pairs whose similarities follow their gold scores, the less the more noise. */
function pairs(count: number, noise: number, seed = 1): ScoredItem[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${i + 1}`,
    gold: i % 6,
    similarity: Math.fround(i % 6 / 6 + noise * Math.sin((i + 1) * 12.9898 * seed)),
  }));
}

function labelled(count: number, noise: number): ScoredItem[] {
  return Array.from({ length: count }, (_, i) => {
    const cosine = i % 2 + noise * Math.sin((i + 1) * 78.233);
    return { id: `${i + 1}`, gold: i % 2, similarities: { cosine: Math.fround(cosine), dot: 2 * cosine } };
  });
}

const trusted = [
  scoreOf("Answers", itemsOf(answers(400, 0.7, 1))),
  scoreOf("Grouped", itemsOf(answers(60, 0.5, 2)).map((item, i) => ({ ...item, group: i < 40 ? "a" : "b" }))),
  scoreOf("Pairs", pairs(300, 0.3), {}, "spearman"),
  scoreOf("Precision", labelled(200, 0.8), {}, "max_ap"),
  scoreOf("Partly", [...itemsOf(answers(50, 0.6, 3)), { id: "unscored" }]),
];

/** The trusted scores, one of them replaced. */
const withScore = (score: LoadedScore) =>
  trusted.map((one) => one.record.task === score.record.task ? score : one);

Deno.test("checkScores() finds a model equal to itself to the last bit, from what the file holds, for every kind of metric", () => {
  const baseline = reread(baselineOf(trusted));
  const report = checkScores(baseline, trusted, { exact: true, embeddings: MEASURED.embeddings });
  assert.ok(report.passed);
  assert.ok(report.tasks.every(({ verdict, change }) => verdict === "equal" && change === 0));
  assert.deepEqual([report.mean!.verdict, report.sameEmbeddings, report.differences], ["equal", true, []]);
});

Deno.test("checkScores() draws the items of a file as those of the scores themselves", () => {
  // The second half of each score is another model's, so that change and interval depend on every stored number.
  const other = trusted.map(({ record, items }) =>
    scoreOf(
      record.task,
      items.map((item, i) => ({ ...items[(i + 6) % items.length]!, id: item.id, gold: item.gold! })),
      {},
      record.aggregate,
    )
  ).slice(0, 1);
  const inMemory = checkScores(baselineOf(trusted.slice(0, 1)), other),
    ofFile = checkScores(reread(baselineOf(trusted.slice(0, 1))), other);
  assert.deepEqual(ofFile, inMemory);
  assert.equal(ofFile.mean, null);
  const shifted = scoreOf("Pairs", pairs(300, 0.3, 2), {}, "spearman");
  const [was] = trusted.filter(({ record }) => record.task === "Pairs");
  const report = checkScores(reread(baselineOf([was!])), [shifted]);
  assertClose([report.tasks[0]!.change!], [shifted.record.value - was!.record.value], 0);
  const [low, high] = report.tasks[0]!.interval!;
  assert.ok(low < report.tasks[0]!.change! && report.tasks[0]!.change! < high);
});

Deno.test("checkScores() fails a task that is worse, whatever the others do, and passes one that dropped within noise", () => {
  const baseline = reread(baselineOf(trusted));
  const better = withScore(scoreOf("Precision", labelled(200, 0.1), {}, "max_ap"));
  const worse = better.map((one) =>
    one.record.task === "Answers" ? scoreOf("Answers", itemsOf(answers(400, 0.5, 1))) : one
  );
  assert.ok(checkScores(baseline, better).passed);
  const report = checkScores(baseline, worse);
  assert.equal(report.passed, false);
  assert.deepEqual(verdicts(report), {
    Answers: "regressed",
    Grouped: "equal",
    Pairs: "equal",
    Precision: "improved",
    Partly: "equal",
  });
  assert.ok(report.tasks[0]!.interval![1] < 0);
  // Two of fifty answers are four points, and may be chance.
  const values = answers(50, 0.6, 3);
  const [a, b] = values.flatMap((value, i) => value === 1 ? [i] : []);
  const fewer = itemsOf(values.map((value, i) => i === a || i === b ? 0 : value));
  const dropped = checkScores(baseline, withScore(scoreOf("Partly", [...fewer, { id: "unscored" }])));
  assert.equal(verdicts(dropped)["Partly"], "dropped");
  assert.ok(dropped.passed);
  // Where noise is not asked, the drop alone decides.
  const strict = checkScores(baseline, withScore(scoreOf("Partly", [...fewer, { id: "unscored" }])), {
    confidence: 0,
  });
  assert.equal(verdicts(strict)["Partly"], "regressed");
  assert.equal(strict.tasks[4]!.interval, null);
});

Deno.test("checkScores() fails the mean where every task loses a little that may be noise by itself", () => {
  const names = ["A", "B", "C", "D", "E", "F", "G", "H"];
  const lose = (task: string, lost: number) => {
    const kept = answers(200, 0.5, names.indexOf(task));
    const ones = kept.flatMap((value, i) => value === 1 ? [i] : []),
      zeros = kept.flatMap((v, i) => v === 0 ? [i] : []);
    const turned = new Set([...ones.slice(0, 5 + lost), ...zeros.slice(0, 5)]);
    return scoreOf(task, itemsOf(kept.map((value, i) => turned.has(i) ? 1 - value : value)));
  };
  const baseline = baselineOf(
    names.map((task) => scoreOf(task, itemsOf(answers(200, 0.5, names.indexOf(task))))),
  );
  const report = checkScores(baseline, names.map((task) => lose(task, 5)));
  assert.ok(report.tasks.every(({ verdict }) => verdict === "dropped"), JSON.stringify(verdicts(report)));
  assertClose([report.mean!.change!], [-0.025], 1e-12);
  assert.deepEqual([report.mean!.verdict, report.passed], ["regressed", false]);
});

Deno.test("checkScores() lets the tolerance alone decide where there are too few items, of a task and not of the mean", () => {
  const few = (values: number[]) => scoreOf("Few", itemsOf(values));
  const baseline = baselineOf([few([1, 1, 1, 0]), trusted[0]!]);
  const check = (values: number[], options: CheckOptions = {}) =>
    checkScores(baseline, [few(values), trusted[0]!], options);
  const report = check([1, 1, 0, 0]);
  assert.ok(report.fewest > 4);
  assert.deepEqual(verdicts(report), { Few: "regressed", Answers: "equal" });
  assert.deepEqual([report.tasks[0]!.interval, report.mean!.interval, report.mean!.failed], [
    null,
    null,
    false,
  ]);
  assert.equal(verdicts(check([1, 1, 0, 0], { maxDropPoints: 30 }))["Few"], "tolerated");
  assert.equal(verdicts(check([1, 1, 1, 1]))["Few"], "improved");
});

Deno.test("checkScores() tolerates what the file says of a task, above what it says of all, below the command line", () => {
  const worse = withScore(scoreOf("Answers", itemsOf(answers(400, 0.5, 1))));
  const passes = (tasks: Record<string, number>, options: CheckOptions = {}) =>
    checkScores(reread(baselineOf(trusted, { tasks })), worse, options).passed;
  assert.equal(passes({}), false);
  assert.equal(passes({ Answers: 50, Grouped: 0 }, { maxDropPoints: 1 }), false);
  assert.equal(passes({ Grouped: 50 }), false);
  // The mean over five tasks loses about 4 points: it has the tolerance of all.
  const report = checkScores(
    reread(baselineOf(trusted, { tasks: { Answers: 50 }, maxDropPoints: 5 })),
    worse,
  );
  assert.deepEqual([report.tasks[0]!.verdict, report.passed], ["tolerated", true]);
});

Deno.test("checkScores() fails the less the more is tolerated, and the less the surer it has to be", () => {
  const share = fc.double({ min: 0.2, max: 0.8, noNaN: true });
  const points = fc.double({ min: 0, max: 20, noNaN: true });
  const failed = (report: CheckReport) =>
    new Set(report.tasks.filter((task) => task.failed).map(({ task }) => task));
  fc.assert(
    fc.property(fc.array(share, { minLength: 2, maxLength: 4 }), points, points, (shares, a, b) => {
      const scores = (turn: number) =>
        shares.map((share, i) => scoreOf(`T${i}`, itemsOf(answers(60, i % 2 ? share : share - turn, i))));
      const baseline = baselineOf(scores(0)), now = scores(0.15);
      const strict = failed(checkScores(baseline, now, { maxDropPoints: Math.min(a, b) }));
      const loose = failed(checkScores(baseline, now, { maxDropPoints: Math.max(a, b) }));
      assert.ok(loose.isSubsetOf(strict));
      const unsure = failed(checkScores(baseline, now, { confidence: 0.5, maxDropPoints: a }));
      const sure = failed(checkScores(baseline, now, { confidence: 0.95, maxDropPoints: a }));
      assert.ok(sure.isSubsetOf(unsure));
    }),
    { numRuns: 6 },
  );
});

Deno.test("checkScores() never compares what is of something else, and never passes it", () => {
  const [score] = trusted as [LoadedScore];
  const other = (change: Partial<LoadedScore["record"]>, items = score.items) =>
    scoreOf("Answers", items, change);
  const cases: [score: LoadedScore, reason: RegExp][] = [
    [other({ content: "d".repeat(64) }), /other data: rows dddddddddddd, the baseline has cccccccccccc/],
    [
      other({ options: { referenceRevision: "abd", slice: null } }),
      /referenceRevision is "abd", of the baseline "abc"/,
    ],
    [
      other({ options: { referenceRevision: "abc", slice: { pairs: 3 } } }),
      /slice is {"pairs":3}, of the baseline null/,
    ],
    [other({ options: { referenceRevision: "abc" } }), /slice is nothing/],
    [other({ scorer: "scorer/2" }), /scorer scorer\/2, the baseline has scorer\/1/],
    [other({ main: "map" }), /metric map/],
    [other({}, score.items.slice(1)), /items: 399, the baseline has 400/],
    [other({ value: NaN }), /not a number: the score/],
    [
      other({}, score.items.map((item, i) => i === 7 ? { ...item, value: null as unknown as number } : item)),
      /not a number: item "8"/,
    ],
    [
      other({ counts: { rationales: 20, empty_rationales: 3 } }),
      /3 of 20 rationales are empty, of the baseline 0/,
    ],
  ];
  for (const [now, reason] of cases) {
    const report = checkScores(reread(baselineOf(trusted)), withScore(now), { maxDropPoints: 100 });
    const [answers] = report.tasks;
    assert.deepEqual([answers!.verdict, answers!.change, report.passed], ["refused", null, false]);
    assert.match(answers!.reasons.join("; "), reason);
    assert.equal(report.tasks.filter(({ verdict }) => verdict === "equal").length, 4);
  }
  const missing = checkScores(baselineOf(trusted), trusted.slice(1));
  assert.deepEqual([missing.tasks[0]!.verdict, missing.tasks[0]!.reasons, missing.passed], ["refused", [
    "it was not evaluated",
  ], false]);
  const read = checkScores(baselineOf(trusted), trusted, { refused: ["settings.seed: 1 -> 2"] });
  assert.ok(read.tasks.every(({ verdict }) => verdict === "refused"));
  const more = checkScores(baselineOf(trusted.slice(1)), trusted);
  assert.deepEqual([more.passed, more.unchecked], [true, ["Answers"]]);
});

Deno.test("checkScores() with exact names the first items of which a bit differs, and fails", () => {
  const [score] = trusted as [LoadedScore];
  const baseline = reread(baselineOf(trusted));
  const bit = score.items.map((item, i) => i === 5 ? { ...item, value: item.value! + 2 ** -40 } : item);
  const check = (items: readonly ScoredItem[], { embeddings }: CheckOptions = MEASURED) =>
    checkScores(baseline, withScore(scoreOf("Answers", items)), { exact: true, embeddings });
  const report = check(bit);
  assert.equal(report.passed, false);
  assert.deepEqual(report.differences, [{
    task: "Answers",
    items: 1,
    first: [{ item: "6", field: "value", baseline: score.items[5]!.value, now: bit[5]!.value }],
  }]);
  // What the metric is not made of has only a digest.
  const details = check(score.items.map((item) => ({ ...item, ranking: [1] })));
  assert.deepEqual([details.passed, details.differences], [false, [{
    task: "Answers",
    items: 0,
    first: [],
  }]]);
  assert.equal(check(score.items).passed, true);
  assert.equal(check(score.items, { embeddings: "0".repeat(64) }).passed, false);
  assert.equal(check(score.items, { embeddings: undefined }).sameEmbeddings, null);
});

Deno.test("checkScores() does not tell a drop from noise of which too few items are the cause, however many there are", () => {
  const values = answers(2000, 0.5, 1), ones = values.flatMap((value, i) => value === 1 ? [i] : []);
  const lose = (count: number) => {
    const lost = new Set(ones.slice(0, count));
    return scoreOf("Answers", itemsOf(values.map((value, i) => lost.has(i) ? 0 : value)));
  };
  const verdict = (count: number) =>
    checkScores(baselineOf([lose(0)]), [lose(count)], { maxDropPoints: 0 }).tasks[0]!.verdict;
  // All of 5 items drop by chance in 1 of 32 cases, which is more than 2.5 %; all of 15 in 1 of 32,768.
  assert.deepEqual([1, 5, 15].map(verdict), ["dropped", "dropped", "regressed"]);
});
