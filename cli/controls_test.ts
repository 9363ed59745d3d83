import { join } from "node:path";
import { assert } from "#test";
import { digestFile } from "../lib/manifest/hash.ts";
import { journalPath } from "../lib/journal/layout.ts";
import { readJournal } from "../lib/journal/read.ts";
import { Lab, onlyFolder } from "./_lab.ts";
import { launch } from "./_launch.ts";

const read = (run: string, arm: string, file: string) =>
  Deno.readTextFileSync(join(run, "scores", arm, file));

/** Names in a folder. */
const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("run trains a control by itself where training differs, and reads the weights that are there where it does not", async () => {
  using lab = await Lab.create();
  const arms = [
    "base",
    "reasoning-greedy",
    "cl-slow",
    "cl-slow-reasoning",
    "grace-greedy",
    "grace",
    "grace-plain",
  ];
  const manifest = lab.manifest({
    arms,
    controls: {
      "cl-slow": { of: "cl", set: { "cl.learningRate": 1e-6, "cl.steps": 2 } },
      "cl-slow-reasoning": { of: "cl-slow", rationale: true },
    },
  });
  const { code, stdout, stderr } = await launch([...lab.runArgs(manifest, "out"), "--json"]);
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout);
  assert.equal(result.schema, "grace-run/2");
  assert.deepEqual(result.comparison.arms, arms);
  assert.deepEqual(
    result.arms.map(({ name, of, weights, rationale, temperature }: Record<string, unknown>) =>
      [name, of, weights, rationale, temperature].join()
    ),
    [
      "base,base,,false,",
      "reasoning-greedy,reasoning,,true,0",
      "cl-slow,cl,cl-slow,false,",
      "cl-slow-reasoning,cl,cl-slow,true,1",
      "grace-greedy,grace,grace,true,0",
      "grace,grace,grace,true,1",
      "grace-plain,grace,grace,false,",
    ],
  );
  assert.equal(
    result.exposure,
    "The arms are not trained on the same examples: cl-slow on 8 examples and grace on 12 examples.",
  );

  const run = onlyFolder(lab.path("out"));
  assert.deepEqual(
    namesIn(join(run, "arms")),
    ["cl-slow", "grace"],
    "each weights once, and none that no arm needs",
  );
  assert.deepEqual(readJournal(journalPath(run, "cl-slow", "steps")).map(({ step }) => step), [1, 2]);
  assert.deepEqual(Object.keys(result.training), ["cl-slow", "grace"]);
  assert.deepEqual(result.training.grace, readJournal(journalPath(run, "grace", "steps")));

  // Answers to the general benchmarks belong to weights, embeddings to a reading of them.
  const same = [["base", "reasoning-greedy"], ["cl-slow", "cl-slow-reasoning"], [
    "grace",
    "grace-greedy",
    "grace-plain",
  ]];
  const answers = same.map((group) => new Set(group.map((arm) => read(run, arm, "generations.jsonl"))));
  assert.deepEqual(answers.map(({ size }) => size), [1, 1, 1]);
  assert.equal(new Set(answers.flatMap((group) => [...group])).size, 3);
  const embeddings = arms.map((arm) => digestFile(join(run, "scores", arm, "embeddings.f32")).sha256);
  assert.equal(new Set(embeddings).size, arms.length);
  assert.doesNotMatch(
    stderr,
    /evaluate (reasoning-greedy|cl-slow-reasoning|grace|grace-plain): \d+\/\d+ (answers|choices)/,
  );

  assert.deepEqual(namesIn(run).filter((name) => name.startsWith("report.")), [
    "report.arrow",
    "report.csv",
    "report.curves-cl-slow.svg",
    "report.curves-grace.svg",
    "report.html",
    "report.json",
    "report.md",
    "report.tradeoff.svg",
    "report.txt",
  ]);
  const chart = Deno.readTextFileSync(join(run, "report.tradeoff.svg"));
  for (const arm of arms) assert.ok(chart.includes(`>${arm}</text>`), arm);

  const compared = await launch(["compare", run, "--json"]);
  assert.equal(compared.code, 0, compared.stderr);
  assert.deepEqual(JSON.parse(compared.stdout).comparison.arms, arms, "in the order of the manifest");
  const again = await launch([...lab.runArgs(manifest, "out"), "--json"]);
  assert.equal(again.stdout, stdout);
  assert.doesNotMatch(again.stderr, /train|evaluate/);
});

Deno.test("run gives an arm the same weights and scores whether or not controls stand beside it", async () => {
  using lab = await Lab.create();
  const [alone, beside] = [["grace", "base"], ["grace-greedy", "untrained", "grace", "base"]];
  for (const [out, arms] of [["alone", alone], ["beside", beside]] as const) {
    // A name that could be taken for that of other weights.
    const controls = { untrained: { of: "grace", set: { "train.steps": 2 } } };
    const { code, stderr } = await lab.run(lab.manifest({ arms: [...arms], controls }), out);
    assert.equal(code, 0, stderr);
  }
  const [one, other] = [onlyFolder(lab.path("alone")), onlyFolder(lab.path("beside"))];
  for (
    const file of [
      "arms/grace/checkpoints/step-000003/model.safetensors",
      "scores/grace/embeddings.f32",
      "scores/base/embeddings.f32",
      "scores/base/generations.jsonl",
    ]
  ) {
    assert.deepEqual(digestFile(join(one, file)), digestFile(join(other, file)), file);
  }
});

Deno.test("run counts the rationales that match train.informativePattern, in each step and among all of it", async () => {
  using lab = await Lab.create();
  const shares = async (informativePattern: string) => {
    const out = informativePattern || "none";
    const { code, stderr } = await lab.run(
      lab.manifest({ arms: ["grace"], train: { steps: 2, informativePattern } }),
      out,
    );
    assert.equal(code, 0, stderr);
    return readJournal(journalPath(onlyFolder(lab.path(out)), "grace", "steps")).map((record) =>
      record["informativeShare"]
    );
  };
  assert.deepEqual(await shares(".|\\n|^$"), [1, 1]);
  assert.deepEqual(await shares("no model writes this"), [0, 0]);
  assert.deepEqual(await shares(""), [undefined, undefined], "not counted");
});
