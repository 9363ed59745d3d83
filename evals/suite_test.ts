import { assert } from "#test";
import { isGeneral } from "./general/general_task.ts";
import { UsageError } from "#errors";
import { writeEmbeddedMirror } from "../fixtures/embedded_mirror.ts";
import { hashedTrigrams } from "../fixtures/hashed_trigrams.ts";
import { isEmbedded } from "../lib/data/embedded.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { standardErrorOfItems } from "./bootstrap.ts";
import { loadGsm8k, loadMmlu } from "./general/load.ts";
import { vectorsFrom } from "./_all_texts.ts";
import { scoreTask } from "./mteb/score_task.ts";
import { findSuite } from "./find_suite.ts";
import { resolveSuite, SUITES } from "./suite.ts";
import { contentSha256, itemCount, scorerOf } from "./task_data.ts";

const NAMES = [
  "WordNetRetrieval",
  "WordNetReranking",
  "WordNetClustering",
  "WordNetPairs",
  "WordNetClassification",
  "WordNetSTS",
  "WordNetSummarization",
  "arithmetic_gsm8k",
  "wordnet_mmlu",
];

async function withMirror(part: "tiny" | "tiny-dev", use: (mirror: Mirror) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(new Mirror(undefined, await writeEmbeddedMirror(folder, part)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("SUITES have embedded data in exactly the suites that say so", () => {
  for (const { id, entries, embedded } of SUITES) {
    const inside = entries.map((entry) =>
      isEmbedded(
        entry.benchmark === "embedded"
          ? entry.task.repo
          : entry.benchmark === "mteb"
          ? "mteb"
          : entry.source?.repo ?? "",
      )
    );
    assert.deepEqual([...new Set(inside)], [embedded], id);
  }
});

for (const part of ["tiny", "tiny-dev"] as const) {
  Deno.test(`resolveSuite() reads nine whole tasks of ${part}, of all categories, that can be scored`, async () => {
    await withMirror(part, async (mirror) => {
      const tasks = await resolveSuite(findSuite(part), mirror);
      assert.deepEqual(tasks.map((task) => task.name), NAMES);
      assert.deepEqual(tasks.map((task) => task.baseTask), NAMES);
      assert.deepEqual(tasks.map((task) => itemCount(task.data)), [5, 4, 3, 10, 9, 8, 4, 4, 6]);
      assert.equal(new Set(tasks.map((task) => task.category)).size, 8);
      for (const { name, data, embedded, files, options } of tasks) {
        assert.ok(embedded && files.every((file) => file.path.startsWith(`${part}/`)), name);
        assert.ok(scorerOf(data) && /^[0-9a-f]{64}$/.test(await contentSha256(data)));
        if (isGeneral(data)) continue;
        assert.equal(options["referenceRevision"], "embedded");
        const score = scoreTask(data, await vectorsFrom(data, hashedTrigrams));
        const value = score.metrics[score.main]!;
        assert.ok(Number.isFinite(value) && Math.abs(value) <= 1, `${name} ${value}`);
        assert.equal(score.items.length, itemCount(data), name);
        assert.notEqual(
          standardErrorOfItems(score.items, score.aggregate),
          null,
          `${name} has a standard error`,
        );
      }
    });
  });
}

Deno.test("resolveSuite() asks the questions of the embedded tasks without examples or letters, as lm-eval words them", async () => {
  await withMirror("tiny", async (mirror) => {
    const tasks = await resolveSuite(findSuite("tiny"), mirror);
    const prompts = tasks.flatMap(({ data }) =>
      data.kind === "gsm8k" || data.kind === "mmlu" ? [data.items[0]!.prompt] : []
    );
    assert.equal(prompts[0], "Question: How much is 0 and 1?\nAnswer:");
    assert.match(
      prompts[1]!,
      /^The following are questions \(with answers\) about words\.\n\nQuestion: .*\nAnswer:$/,
    );
  });
});

Deno.test("loadGsm8k() and loadMmlu() refuse the harness's names for other questions", async () => {
  await withMirror("tiny", async (mirror) => {
    const source = (name: string) => ({ repo: "tiny/arithmetic", name });
    const gsm8k = { shots: 0, maxNewTokens: 8, fewShotSeed: 1 };
    const mmlu = { variant: "loglikelihood", shots: 0 } as const;
    for (const name of ["gsm8k", "gsm8k-0shot", "mmlu", "mmlu_generative", "MMLU-half"]) {
      await assert.rejects(loadGsm8k(mirror, gsm8k, source(name)), UsageError);
      await assert.rejects(loadMmlu(mirror, mmlu, source(name)), UsageError);
    }
  });
});
