/**
 * Scorers on whole real data sets, against numpy, scipy, scikit-learn and pytrec_eval, or MTEB's own evaluators, on the same
 * vectors.
 */
import { assert, assertClose, sharedData, testWith } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { hashedTrigrams } from "../../fixtures/hashed_trigrams.ts";
import { vectorsFrom } from "../_all_texts.ts";
import { findSuite } from "../find_suite.ts";
import { listTasks } from "../task_list.ts";
import { dataNotes } from "./data_notes.ts";
import { loadTask } from "./load.ts";
import { DEFAULT_PROFILE, scoringProfile } from "./profile.ts";
import { scoreTask } from "./score_task.ts";
import { type MtebTask, mtebTask } from "./tasks.ts";
import { Mirror } from "../../lib/data/mirror.ts";

const reference = golden<Record<string, Record<string, number>>>("mteb/real_data.json");

const checks: [task: string, metrics: string[], tolerance: number][] = [
  ["STSBenchmark", ["cosine_spearman", "cosine_pearson"], 1e-5],
  ["STS13", ["cosine_spearman", "cosine_pearson"], 1e-5],
  ["Banking77Classification", ["accuracy", "f1"], 1e-4],
  ["SciFact", ["ndcg_at_10", "map_at_100", "recall_at_100"], 1e-4],
];

for (const [name, metrics, tolerance] of checks) {
  testWith(
    sharedData,
    `${name} scores as the reference libraries do on the whole real test set`,
    async (root) => {
      const { data } = await loadTask(new Mirror(root), mtebTask(name));
      const score = scoreTask(data, await vectorsFrom(data, hashedTrigrams));
      for (const metric of metrics) {
        assertClose([score.metrics[metric]!], [reference[name]![metric]!], tolerance, `${name} ${metric}`);
      }
    },
  );
}

const evaluators = golden<{ real: Record<string, Record<string, number>> }>("mteb/evaluators.json").real;

for (
  const [repo, category] of [
    ["mini/scifact-reranking", "reranking"],
    ["mini/fever-symmetric-pairs", "pair_classification"],
    ["mini/realsumm-summeval", "summarization"],
  ] as const
) {
  testWith(sharedData, `${repo} scores as MTEB's evaluator does on every metric`, async (root) => {
    const task = { name: repo, category, repo, split: "test" } as MtebTask;
    const { data } = await loadTask(new Mirror(root), task);
    const { metrics } = scoreTask(data, await vectorsFrom(data, hashedTrigrams));
    for (const [metric, value] of Object.entries(metrics)) {
      assertClose([value], [evaluators[repo]![metric]!], 1e-5, `${repo} ${metric}`);
    }
  });
}

interface RealTasks {
  readonly sts: Record<string, Record<string, number>>;
  readonly clustering: Record<string, { v_measure: number; v_measure_std: number; v_measures: number[] }>;
}
const tasks = golden<RealTasks>("mteb/real_tasks.json");

for (const [name, expected] of Object.entries(tasks.sts)) {
  testWith(sharedData, `${name} scores as MTEB's evaluator does on every metric`, async (root) => {
    const { data } = await loadTask(new Mirror(root), mtebTask(name));
    const { metrics } = scoreTask(data, await vectorsFrom(data, hashedTrigrams));
    for (const [metric, value] of Object.entries(metrics)) {
      assertClose([value], [expected[metric]!], 1e-5, `${name} ${metric}`);
    }
  });
}

for (const [repo, expected] of Object.entries(tasks.clustering)) {
  testWith(
    sharedData,
    `${repo} is clustered as MTEB does with scikit-learn 1.9, and not as with 1.2`,
    async (root) => {
      const task = { name: repo, category: "clustering", repo, split: "test" } as MtebTask;
      const of = async (profile: string) => {
        const { data } = await loadTask(new Mirror(root), task, scoringProfile(profile));
        return scoreTask(data, await vectorsFrom(data, hashedTrigrams));
      };
      const { metrics, items } = await of("sklearn-1.9");
      assertClose(items.map((item) => item.value!), expected.v_measures, 1e-9, "sets");
      assertClose([metrics["v_measure"]!], [expected.v_measure], 1e-9, "mean");
      const older = (await of("sklearn-1.2")).items.map((item) => item.value!);
      assert.ok(older.some((value, i) => Math.abs(value - items[i]!.value!) > 1e-6));
    },
  );
}

testWith(
  sharedData,
  "the tasks of MTEB whose data are there are whole, and of the revision that mteb pins but for SciFact",
  async (root) => {
    const mirror = new Mirror(root);
    const here = (await listTasks(findSuite("mteb-eng-v1"), mirror)).filter(({ data }) =>
      data.every((one) => one.here)
    );
    assert.deepEqual(here.map(({ task }) => task), [
      "SciFact",
      "Banking77Classification",
      "STS13",
      "STS15",
      "STSBenchmark",
    ]);
    for (const { task } of here) {
      const { data } = await loadTask(mirror, mtebTask(task));
      const notes = dataNotes(mirror, mtebTask(task), data, DEFAULT_PROFILE);
      assert.equal(notes.length, task === "SciFact" ? 1 : 0, `${task}: ${notes}`);
      if (task !== "SciFact") continue;
      assert.match(
        notes[0]!,
        /^the folder holds revision d56462d0\w+ of "mteb\/scifact", the task is pinned to 0228b52c/,
      );
      assert.deepEqual(dataNotes(mirror, mtebTask(task), data, scoringProfile("mteb-2")), []);
    }
  },
);
