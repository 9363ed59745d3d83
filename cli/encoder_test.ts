import { join } from "node:path";
import { assert } from "#test";
import { readEmbeddings } from "../evals/embedding_store.ts";
import { readScores } from "../evals/score_record.ts";
import { TINY, withTiny } from "../lib/encoder/_tiny.ts";
import { Lab, tinyModel } from "./_lab.ts";
import { launch, type Outcome } from "./_launch.ts";

const TASKS = ["--suite", "smoke", "--tasks", "STSBenchmark,Banking77Classification,SciFact"];

function evaluate(lab: Lab, ...args: string[]): Promise<Outcome> {
  return launch(["eval", "--encoder", `onnx:${TINY}`, "--data-root", lab.path("data"), ...args]);
}

Deno.test("eval --encoder scores an ONNX export, with its prompts before queries and passages", async () => {
  using lab = await Lab.create();
  const out = lab.path("scores");
  const { code, stdout, stderr } = await evaluate(lab, ...TASKS, "--out", out);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^STSBenchmark\[smoke:12\] +cosine_spearman +12 +-?\d+\.\d\d +\d+\.\d\d$/m);
  assert.match(stdout, /^SciFact\[smoke:4\] +ndcg_at_10 +4 +\d+\.\d\d/m);
  const document = JSON.parse(await Deno.readTextFile(join(out, "evaluation.json")));
  assert.equal(document.prompts.named.query, "question: ");
  assert.equal(document.files[0].name, "onnx/model.onnx");
  const stored = readEmbeddings(out);
  assert.equal(stored.dimension, 16);
  assert.equal(stored.encoder, document.encoder);
  const records = (await readScores(out)).map(({ record }) => record);
  assert.ok(records.every(({ model }) => model === document.encoder));
  const prompts = (await Deno.readTextFile(join(out, "rationales.jsonl"))).split("\n").slice(1, -1)
    .map((line) => JSON.parse(line).prompt ?? "");
  assert.equal(prompts.filter((prompt) => prompt === "question: ").length, 4);
  assert.equal(prompts.filter((prompt) => prompt === "text: ").length, records[2]!.counts["documents"]);
});

Deno.test("eval --encoder continues a folder of the same model, to the same bytes, and refuses another's", async () => {
  using lab = await Lab.create();
  const out = lab.path("scores");
  const embeddings = () => Deno.readFileSync(join(out, "embeddings.f32"));
  assert.equal((await evaluate(lab, ...TASKS, "--out", out)).code, 0);
  const whole = embeddings();
  // As a kill leaves it: the last texts are not recorded yet.
  const lines = Deno.readTextFileSync(join(out, "rationales.jsonl")).split("\n");
  Deno.writeTextFileSync(join(out, "rationales.jsonl"), lines.slice(0, 20).join("\n") + "\n");
  const again = await evaluate(lab, ...TASKS, "--out", out);
  assert.match(again.stderr, /^continuing /m);
  assert.deepEqual(embeddings(), whole);

  await withTiny({ "sentence_bert_config.json": { max_seq_length: 20 } }, async (folder) => {
    const other = await launch(
      ["eval", "--encoder", `onnx:${folder}`, "--data-root", lab.path("data"), ...TASKS, "--out", out],
    );
    assert.equal(other.code, 2);
    assert.match(other.stderr, /holds another evaluation/);
  });
});

Deno.test("eval --encoder counts texts that were cut, and warns of them", async () => {
  using lab = await Lab.create();
  await withTiny({ "sentence_bert_config.json": { max_seq_length: 10 } }, async (folder) => {
    const { stdout } = await launch(
      [
        "eval",
        "--encoder",
        `onnx:${folder}`,
        "--data-root",
        lab.path("data"),
        ...TASKS,
        "--out",
        lab.path("s"),
      ],
    );
    assert.match(stdout, /^Warning: STSBenchmark\[smoke:12\], \d+ of \d+ texts were cut/m);
  });
});

Deno.test("eval --encoder says what it cannot do, with the exit code of its cause", async () => {
  using lab = await Lab.create();
  const encoder = `onnx:${TINY}`, data = ["--data-root", lab.path("data")];
  const cases: [args: string[], code: number, message: RegExp][] = [
    [["--encoder", encoder, ...data], 2, /no suite is named\n {2}name one with --suite/],
    [["--encoder", encoder, ...data, "--suite", "smoke"], 2, /cannot answer: gsm8k, mmlu\n.*--tasks STSB/],
    [["--encoder", encoder, "--backbone", tinyModel], 2, /"--encoder .*cannot be used with .*"--backbone/],
    [["--encoder", encoder, "--no-rationale"], 2, /cannot be used with option "--no-rationale"/],
    [["--encoder", TINY, ...data, ...TASKS], 2, /unknown encoder ".*"\n {2}give onnx:<folder>/],
    [["--encoder", `onnx:${lab.path("none")}`, ...data, ...TASKS], 3, /there is no folder/],
  ];
  for (const [args, code, message] of cases) {
    const outcome = await launch(["eval", ...args, "--out", lab.path("out")]);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, message);
    assert.equal(outcome.stdout, "");
  }
  assert.throws(() => Deno.statSync(lab.path("out")), "what fails before it begins leaves no folder");
});
