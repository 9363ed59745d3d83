import { join } from "node:path";
import { assert } from "#test";
import {
  copyRun,
  editLines,
  editText,
  failed,
  flipByte,
  flipDigit,
  rationales,
  steps,
  told,
  verify,
} from "./_verified_run.ts";

const swap = (a: number, b: number) => (lines: string[]) =>
  lines.map((_, i) => lines[i === a ? b : i === b ? a : i]!);

/** An edit, the checks that it makes fail, and what is said. */
type Tampering = readonly [what: string, edit: (run: string) => void, fails: readonly RegExp[], says: RegExp];

const journalTamperings: readonly Tampering[] = [
  [
    "a digit of a rationale's reward",
    (run) => flipDigit(join(run, rationales), "total", 1),
    [/^journal grace: rationales$/, /^report/],
    /rationales\.jsonl, line 2, step 1, rollout 1, total: stored -?[\d.]+, found -?[\d.]+/,
  ],
  [
    "a digit of an advantage",
    (run) => flipDigit(join(run, rationales), "advantage", 4),
    [/^journal grace: rationales$/],
    /rationales\.jsonl, line 5, step 1, rollout 1, advantage: stored/,
  ],
  [
    "a term of the reward",
    (run) => flipDigit(join(run, rationales), "consistency", 0),
    [/^journal grace: rationales$/],
    /line 1, step 1, rollout 0, total: stored/,
  ],
  [
    "two rationales that are swapped",
    (run) => editLines(join(run, rationales), swap(0, 1)),
    [/^journal grace: rationales$/],
    /line 1, step 1, rollout 1, rollout: stored 1, found 0/,
  ],
  [
    "a step that is taken out",
    (run) => editLines(join(run, steps), (lines) => lines.toSpliced(1, 1)),
    [/^journal grace: steps$/, /^journal grace: rationales$/],
    /steps\.jsonl, line 2, step: step 2 is missing before step 3/,
  ],
  [
    "a step that comes twice",
    (run) => editLines(join(run, steps), (lines) => [lines[0]!, ...lines]),
    [/^journal grace: steps$/],
    /line 2, step: step 1 comes again, where step 2 has to be|line 4: there is more than the 3 records/,
  ],
  [
    "the mean reward of a step",
    (run) =>
      editText(join(run, steps), (text) => text.replace(/("total":\{"mean":-?\d\.\d{4})(\d)/, "$17$2")),
    [/^journal grace: steps$/],
    /line 1, step 1, reward\.total\.mean: stored/,
  ],
  [
    "the variance of a term",
    (run) => editText(join(run, steps), (text) => text.replace(/("withinGroupVariance":0\.0*)[1-9]/, "$10")),
    [/^journal grace: rationales$/],
    /reward\.positive\.withinGroupVariance: steps\.jsonl has/,
  ],
  [
    "the learning rate of a step",
    (run) =>
      editText(
        join(run, "arms/cl/steps.jsonl"),
        (text) => text.replace(/"learningRate":[^,]+/, '"learningRate":0.1'),
      ),
    [/^journal cl: steps$/],
    /cl\/steps\.jsonl, line 1, step 1, learningRate: stored 0\.1, found/,
  ],
  [
    "the examples of a step",
    (run) =>
      editText(join(run, steps), (text) => text.replace(/"examples":\[(\d+),(\d+)/, '"examples":[$2,$1')),
    [/^journal grace: steps$/, /^journal grace: rationales$/],
    /line 1, step 1, examples: stored \[/,
  ],
  [
    "a line that is cut off in the middle",
    (run) => editLines(join(run, steps), (lines) => lines.with(1, lines[1]!.slice(0, 200))),
    [/^journal grace: steps$/, /^journal grace: rationales$/],
    /steps\.jsonl, line 2: is not JSON/,
  ],
  [
    "a number beyond all bounds, a key that is there twice, a field that is none",
    (run) =>
      editLines(join(run, steps), (lines) => [
        lines[0]!.replace('"step":1', '"step":1,"flatGroups":0'),
        lines[1]!.replace(/"entropy":[^,]+/, '"entropy":1e999'),
        lines[2]!.replace('"step":3', '"step":3,"toString":1'),
        "",
      ]),
    [/^journal grace: steps$/, /^journal grace: rationales$/],
    /line 1, character \d+: stored(.|\n)*line 2, step 2, entropy: (.|\n)*line 3, step 3, toString: is no field/,
  ],
];

for (const [what, edit, fails, says] of journalTamperings) {
  Deno.test(`verify finds ${what}`, () => expectFound(edit, fails, says));
}

async function expectFound(
  edit: (run: string) => void,
  fails: readonly RegExp[],
  says: RegExp,
): Promise<void> {
  const run = await copyRun();
  edit(run);
  const { checks, exitCode } = await verify(run);
  assert.equal(exitCode, 1);
  const found = failed(checks), sentences = told(checks);
  assert.ok(fails.some((pattern) => pattern.test(found[0]!)), found.join(", ") + sentences);
  for (const name of found) {
    assert.ok([...fails, /^report/].some((pattern) => pattern.test(name)), name + sentences);
  }
  assert.match(sentences, says);
}

const scores = "scores/grace/scores";
const firstScore = (run: string) =>
  join(
    run,
    scores,
    [...Deno.readDirSync(join(run, scores))].map(({ name }) => name).filter((name) =>
      /^STS.*\.json$/.test(name)
    )[0]!,
  );

const otherTamperings: readonly Tampering[] = [
  [
    "a digit of an item",
    (run) => flipDigit(firstScore(run).replace(/\.json$/, ".items.jsonl"), "similarity"),
    [/^scores grace: scores follow/, /^scores grace: items follow/],
    /items\.sha256: stored(.|\n)*items\.jsonl, line 1, item "\d+", similarity: stored [-\d.]+, found [-\d.]+/,
  ],
  [
    "a digit of a score",
    (run) => editText(firstScore(run), (text) => text.replace(/("value": -?\d\.\d{6})(\d)/, "$17$2")),
    [/^scores grace: scores follow/, /^scores grace: items follow/],
    /STS\S+\.json, value: stored (.|\n)*, value: stored/,
  ],
  [
    "a byte of the weights",
    (run) => flipByte(join(run, "arms/grace/checkpoints/step-000003/model.safetensors"), 40),
    [/^checkpoints grace: weights/, /^scores grace: embeddings and answers$/, /^scores grace: scores follow/],
    /step-000003\/model\.safetensors: with SHA-256 (.|\n)*rationales\.jsonl, line 1, encoder: stored "/,
  ],
  [
    "a byte of an embedding",
    (run) => flipByte(join(run, "scores/base/embeddings.f32"), 100),
    [/^scores base: embeddings and answers$/, /^scores base: items follow/],
    /embeddings\.f32" row \d+ is not what was recorded/,
  ],
  [
    "an answer that was edited",
    (run) => flipDigit(join(run, "scores/cl/generations.jsonl"), "logProb", 4),
    [/^scores cl: items follow/],
    /mmlu\S*items\.jsonl, line 1/,
  ],
  [
    "an answer that is gone, and a text whose digest was edited",
    (run) => {
      editLines(join(run, "scores/cl/generations.jsonl"), (lines) => lines.toSpliced(-2, 1));
      editText(
        join(run, "scores/base/rationales.jsonl"),
        (text) => text.replace(/("text":")[0-9a-f]{4}/, "$1ffff"),
      );
    },
    [/^scores base: items follow/, /^scores cl: items follow/],
    /scores\/base" lacks 1 of \d+ texts(.|\n)*scores\/cl" has no answer/,
  ],
  [
    "a number of report.json, a cell of report.csv and a sentence of report.html",
    (run) => {
      editText(
        join(run, "report.html"),
        (text) => text.replace("Each arm was trained once", "Arms were trained"),
      );
      editText(join(run, "report.json"), (text) => text.replace(/"value": (0\.\d\d)/, '"value": 0.99'));
      editText(join(run, "report.csv"), (text) => text.replace("accuracy", "precision"));
    },
    [/^report/],
    /report\.json, tasks\.\d\.cells\.0\.value: stored 0\.99\d*, found 0(.|\n)*report\.csv, line 2: stored(.|\n)*report\.html, line \d+: stored/,
  ],
  [
    "a setting",
    (run) =>
      editText(
        join(run, "manifest.resolved.json"),
        (text) => text.replace(/"lambda1": [\d.]+/, '"lambda1": 0.9'),
      ),
    [/^identity settings/, /^identity grace\.json/, /^journal grace: rationales/, /^journal grace: steps/],
    /manifest\.resolved\.json, identity: stored(.|\n)*the folder's name: stored(.|\n)*reward\.lambda1: stored 0\.9, found 0\.2/,
  ],
  [
    "another name of the folder's files, links, and what is absurd",
    (run) => {
      Deno.writeTextFileSync(join(run, "scores/base/extra.txt"), "x");
      Deno.removeSync(join(run, "report.md"));
      Deno.symlinkSync("/etc/hostname", join(run, "report.md"));
      editText(
        join(run, "scores/cl/rationales.jsonl"),
        (text) => text.replace(/"dimension":\d+/, '"dimension":1e15'),
      );
    },
    [/^files/, /^scores base: embeddings/, /^scores cl/, /^report/],
    /report\.md: is a link(.|\n)*scores\/base\/extra\.txt: is nothing(.|\n)*dimension 1000000000000000 does not fit/,
  ],
  [
    "a stage that was taken out",
    (run) => Deno.removeSync(join(run, "scores/cl"), { recursive: true }),
    [/^files/, /^scores cl/, /^report/],
    /scores\/cl: is not complete \(0 of 5 scores\), although the report was begun/,
  ],
];

for (const [what, edit, fails, says] of otherTamperings) {
  Deno.test(`verify finds ${what}`, () => expectFound(edit, fails, says));
}
