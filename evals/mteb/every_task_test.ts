/** Every task of the table from its files to its result in mteb's form, on made-up rows. */
import { assert } from "#test";
import { MissingError } from "#errors";
import { hashedTrigrams } from "../../fixtures/hashed_trigrams.ts";
import { writeMtebMirror } from "../../fixtures/mteb_mirror.ts";
import { Mirror } from "../../lib/data/mirror.ts";
import { aggregateItems } from "../aggregate.ts";
import { standardErrorOfItems } from "../bootstrap.ts";
import { textsOf, vectorsFrom } from "../_all_texts.ts";
import { findSuite } from "../find_suite.ts";
import type { ScoreRecord } from "../score_record.ts";
import { type ResolvedTask, resolveSuite } from "../suite.ts";
import { contentSha256, itemCount, scorerOf } from "../task_data.ts";
import type { MtebData } from "./load.ts";
import { mainMetric, scoringProfile } from "./profile.ts";
import { mtebResults } from "./result_json.ts";
import { scoreTask } from "./score_task.ts";
import { inAllLanguages } from "./task_lists.ts";
import { MTEB_TASKS, type MtebTask, mtebTask } from "./tasks.ts";

async function withTasks(
  tasks: readonly MtebTask[],
  use: (mirror: Mirror, root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await use(new Mirror(await writeMtebMirror(root, tasks)), root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Score and record of a task, as an evaluation makes them. */
async function scored({ data, ...task }: ResolvedTask) {
  const score = scoreTask(data as MtebData, await vectorsFrom(data as MtebData, hashedTrigrams));
  const record = {
    ...task,
    ...score,
    task: task.name,
    value: score.metrics[score.main]!,
    scorer: scorerOf(data),
    content: await contentSha256(data),
  } as unknown as ScoreRecord;
  return { score, record, results: mtebResults(record, score.items) };
}

Deno.test("every task of MTEB(eng, v1) is read, scored by its main metric, and has a result in mteb's form", async () => {
  await withTasks(MTEB_TASKS, async (mirror) => {
    const tasks = await resolveSuite(findSuite("mteb-eng-v1"), mirror);
    assert.equal(tasks.length, 56);
    const names: string[] = [];
    for (const task of tasks) {
      const { score, results } = await scored(task);
      const value = score.metrics[score.main]!,
        [first] = "parts" in task.options ? [results.at(-1)!] : results;
      assert.ok(Number.isFinite(value) && Math.abs(value) <= 1, `${task.name} ${value}`);
      assert.equal(score.items.length, itemCount(task.data));
      assert.ok(
        Math.abs(aggregateItems(score.items, score.aggregate) - value) < 1e-5,
        `${task.name}: the items give its value`,
      );
      assert.notEqual(standardErrorOfItems(score.items, score.aggregate), null, task.name);
      // Made-up data are not as large as the real ones: that is told.
      assert.equal(task.notes.length > 0, task.name !== "MindSmallReranking", task.name);
      names.push(...results.map((result) => result.task_name));
      const [split] = Object.keys(first!.scores);
      assert.equal(split, task.name === "MSMARCO" ? "dev" : "test");
      assert.equal(first!.scores[split!]![0]!["main_score"], Number(value.toFixed(6)));
    }
    assert.equal(new Set(names).size, 56 + 12);
  });
});

Deno.test("CQADupstackRetrieval is the plain mean of its forums, which have results of their own", async () => {
  await withTasks([mtebTask("CQADupstackRetrieval")], async (mirror) => {
    const [task] = await resolveSuite(findSuite("mteb-eng-v1:CQADupstackRetrieval"), mirror);
    const { score, results, record } = await scored(task!);
    assert.deepEqual(results.map((result) => result.task_name).at(-1), "CQADupstackRetrieval");
    const forums = results.slice(0, -1).map((result) => result.scores["test"]![0]!["ndcg_at_10"] as number);
    assert.equal(new Set(forums).size > 1, true);
    assert.ok(Math.abs(forums.reduce((sum, value) => sum + value) / 12 - record.value) < 1e-9);
    assert.equal(score.metrics["CQADupstackAndroidRetrieval/recall_at_1000"] !== undefined, true);
    assert.equal(score.items[0]!.id, "CQADupstackAndroidRetrieval/d1");
    assert.equal(score.items[0]!.group, "CQADupstackAndroidRetrieval");
    assert.deepEqual([score.counts["queries"], score.counts["parts"]], [60, 12]);
    assert.equal(results.at(-1)!.dataset_revision, "1");
    assert.equal(results[0]!.dataset_revision, "f46a197baaae43b4f621051089b82a364682dfeb");
  });
});

Deno.test("tasks of grace-released are means over all languages, under a name that says so", async () => {
  const names = ["AmazonCounterfactualClassification", "STS17"];
  await withTasks(names.map(inAllLanguages), async (mirror) => {
    const [counterfactual, sts17] = await resolveSuite(
      findSuite(`grace-released:${names.join(",")}`),
      mirror,
    );
    assert.equal(counterfactual!.name, "AmazonCounterfactualClassification[all languages]");
    assert.equal(sts17!.name, "STS17[all languages]");
    assert.equal(sts17!.baseTask, "STS17");
    const { results, record } = await scored(sts17!);
    assert.deepEqual(results.map((result) => result.task_name), ["STS17"]);
    const subsets = results[0]!.scores["test"]!;
    assert.deepEqual(subsets.map((subset) => subset["hf_subset"]).slice(0, 3), ["ko-ko", "ar-ar", "en-ar"]);
    assert.deepEqual(subsets[2]!["languages"], ["eng-Latn", "ara-Arab"]);
    const values = subsets.map((subset) => subset["cosine_spearman"] as number);
    assert.equal(values.length, 11);
    assert.ok(Math.abs(values.reduce((sum, value) => sum + value) / 11 - record.value) < 1e-5);
  });
});

Deno.test("the profile mteb-2+sklearn-1.9 changes data sets, texts, k-means, probe and reranking, and nothing else", async () => {
  const names = [
    "SCIDOCS",
    "MindSmallReranking",
    "RedditClustering",
    "EmotionClassification",
    "STS13",
    "SummEval",
  ];
  const tasks = names.map(mtebTask);
  await withTasks(tasks, async (mirror, root) => {
    await Deno.rename(`${root}/mteb/mind_small`, `${root}/mteb/MindSmallReranking`);
    const read = (profile: string) => resolveSuite(findSuite(`mteb:${names.join(",")}@${profile}`), mirror);
    const [older, newer] = [await read("mteb-2+sklearn-1.2"), await read("mteb-2+sklearn-1.9")];
    await Deno.rename(`${root}/mteb/MindSmallReranking`, `${root}/mteb/mind_small`);
    const standard = await read("mteb-1.38.33");
    const contents = (tasks: readonly ResolvedTask[]) =>
      Promise.all(tasks.map((task) => contentSha256(task.data)));
    const changed = async (a: readonly ResolvedTask[], b: readonly ResolvedTask[]) => {
      const [before, after] = [await contents(a), await contents(b)];
      return a.flatMap((task, i) => before[i] === after[i] ? [] : [task.name]);
    };
    assert.deepEqual(
      await changed(standard, newer),
      ["SCIDOCS", "MindSmallReranking", "RedditClustering", "EmotionClassification"],
    );
    assert.deepEqual(await changed(older, newer), ["RedditClustering", "EmotionClassification"]);
    const documents = async ([task]: readonly ResolvedTask[]) =>
      (await textsOf(task!.data as MtebData)).filter((text) => !text.startsWith("where is")).slice(0, 2);
    assert.deepEqual(await documents(standard), [" SCIDOCS cat  dog 0", "dog SCIDOCS dog  bee 1"]);
    assert.deepEqual(await documents(newer), ["SCIDOCS cat  dog 0", "dog SCIDOCS dog  bee 1"]);
    for (const [list, profile] of [[standard, "mteb-1.38.33"], [newer, "mteb-2"]] as const) {
      for (const task of list) {
        const { score } = await scored(task);
        assert.equal(score.main, mainMetric(mtebTask(task.name), scoringProfile(profile)));
      }
    }
  });
});

Deno.test("resolveSuite() names every data set that is missing", async () => {
  await withTasks([mtebTask("STS13")], async (mirror) => {
    await assert.rejects(
      resolveSuite(findSuite("mteb-eng-v1:STS13,STS14,SciFact"), mirror),
      (error) =>
        error instanceof MissingError &&
        /^2 of 3 tasks have no data: SciFact: .*; STS14: /.test(error.message) &&
        /--list/.test(error.cure),
    );
  });
});
