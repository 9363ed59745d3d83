import { join } from "node:path";
import { assert } from "#test";
import { readJournal } from "../lib/journal/read.ts";
import { type Check, describeProblem } from "../lib/verify/check.ts";
import { Lab, onlyFolder } from "./_lab.ts";
import { launch } from "./_launch.ts";
import type { CommandIo } from "./io.ts";
import { Progress } from "./progress.ts";
import { type Verification, verifyRun } from "./verify_run.ts";

const silent = new Progress({
  write: () => {},
  interactive: false,
  color: false,
  quiet: true,
  columns: () => 80,
  now: () => 0,
});
const io: CommandIo = {
  json: false,
  color: false,
  columns: undefined,
  signal: new AbortController().signal,
  progress: silent,
  print: () => {},
  write: () => {},
};

let made: Promise<{ lab: Lab; run: string }> | undefined;

/** The run that all tests copy, made once. */
function original(): Promise<{ lab: Lab; run: string }> {
  return made ??= (async () => {
    const lab = await Lab.create();
    globalThis.addEventListener("unload", () => lab[Symbol.dispose]());
    const { code, stderr } = await lab.run(lab.manifest({ arms: ["base", "cl", "grace"] }), "out");
    assert.equal(code, 0, stderr);
    return { lab, run: onlyFolder(lab.path("out")) };
  })();
}

let copies = 0;

/** A copy of the run under its own name, in a folder of another one. */
async function copyRun(): Promise<string> {
  const { lab, run } = await original();
  const to = lab.path(`copy${copies++}`, run.split("/").at(-1)!);
  copyTree(run, to);
  return to;
}

function copyTree(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyTree(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

/** Names, sizes, contents and times of everything in a folder. */
function traceOf(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return traceOf(path);
    return `${path} ${Deno.statSync(path).mtime!.getTime()} ${Deno.readFileSync(path).toHex()}`;
  }).sort();
}

async function verify(folder: string, replay?: number): Promise<Verification> {
  const { lab } = await original();
  return await verifyRun({ folder, replay, backbone: undefined, dataRoot: lab.path("data") }, io);
}

/** What failed: `journal grace: steps`. */
const failed = (checks: readonly Check[]) =>
  checks.filter(({ status }) => status === "failed").map(({ part, name }) => `${part} ${name}`);

/** All problems as sentences, and notes. */
const told = (checks: readonly Check[]) =>
  checks.flatMap(({ problems, notes, why }) => [...problems.map(describeProblem), ...notes, why ?? ""]).join(
    "\n",
  );

function editText(path: string, edit: (text: string) => string): void {
  const text = Deno.readTextFileSync(path), edited = edit(text);
  assert.notEqual(edited, text, `nothing was edited in ${path}`);
  Deno.writeTextFileSync(path, edited);
}

/** Edits lines of a file; the last one is empty. */
const editLines = (path: string, edit: (lines: string[]) => string[]) =>
  editText(path, (text) => edit(text.split("\n")).join("\n"));

/** Changes the fourth decimal of a number in the record of a line, which is written as the program would write it. */
function flipDigit(path: string, key: string, line = 0): void {
  editLines(path, (lines) => {
    const record = JSON.parse(lines[line]!);
    const flipped = String(record[key]).replace(
      /(\.\d{3})(\d)/,
      (_, before, digit) => before + (Number(digit) + 1) % 10,
    );
    return lines.with(line, JSON.stringify({ ...record, [key]: Number(flipped) }));
  });
}

function flipByte(path: string, fromEnd: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[bytes.length - fromEnd]! ^= 1;
  Deno.writeFileSync(path, bytes);
}

const steps = "arms/grace/steps.jsonl", rationales = "arms/grace/rationales.jsonl";
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
    "a number of report.json and a cell of report.csv",
    (run) => {
      editText(join(run, "report.json"), (text) => text.replace(/"value": (0\.\d\d)/, '"value": 0.99'));
      editText(join(run, "report.csv"), (text) => text.replace("accuracy", "precision"));
    },
    [/^report/],
    /report\.json, tasks\.\d\.cells\.0\.value: stored 0\.99\d*, found 0(.|\n)*report\.csv, line 2: stored/,
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

Deno.test("verify finds nothing in a run that was moved, writes nothing, and executes it again to the same bits", async () => {
  const run = await copyRun(), before = traceOf(run);
  const { checks, exitCode, stages } = await verify(run, 5);
  assert.equal(exitCode, 0, told(checks));
  assert.deepEqual(traceOf(run), before);
  assert.ok(stages.every(({ state }) => state === "finished"));
  const bad = checks.filter(({ status, name }) => status !== "ok" && !/^(program|machine)$/.test(name));
  assert.deepEqual(bad, []);
  const replayed = checks.filter(({ part }) => part === "replay");
  assert.deepEqual(replayed.map(({ name }) => name), [
    "cl: training",
    "grace: training",
    ...["base", "cl", "grace"].map((arm) => `${arm}: first embeddings and answers`),
  ]);
  assert.match(told(replayed), /5 steps were asked for, the journal has 3 of 3: 3 are executed/);
  assert.match(told(replayed), /all of 3 steps are the same to the last bit/);
});

Deno.test("verify --replay finds what follows from nothing else that is stored, by step and field", async () => {
  const run = await copyRun();
  const [first, second] = readJournal<{ rationale: string }>(join(run, rationales));
  editLines(
    join(run, rationales),
    (lines) =>
      lines.map((line, i) =>
        i > 1
          ? line
          : JSON.stringify({ ...JSON.parse(line), rationale: (i === 0 ? second : first)!.rationale })
      ),
  );
  flipDigit(join(run, "arms/cl/steps.jsonl"), "loss", 1);
  const { checks: unreplayed } = await verify(run);
  assert.deepEqual(failed(unreplayed).filter((name) => name.startsWith("journal")), []);
  const { checks, exitCode } = await verify(run, 2);
  assert.equal(exitCode, 1);
  const replayed = checks.filter(({ part }) => part === "replay");
  assert.deepEqual(failed(replayed), ["replay cl: training", "replay grace: training"]);
  assert.match(told(replayed), /cl\/steps\.jsonl, step 2, loss: stored [\d.]+, found [\d.]+/);
  assert.match(told(replayed), /rationales\.jsonl, step 1, rationale 1, rationale: stored "/);
  assert.match(
    told(replayed),
    /1 of 2 steps are the same to the last bit\nthe first that is not is step [12]/,
  );
});

Deno.test("verify of a part of a run says how far it is, and a folder without its inputs ends with 3", async () => {
  const run = await copyRun();
  for (const name of Deno.readDirSync(run)) {
    if (name.name.startsWith("report.")) Deno.removeSync(join(run, name.name));
  }
  Deno.removeSync(join(run, "scores/grace"), { recursive: true });
  const { checks, exitCode, stages } = await verify(run);
  assert.equal(exitCode, 0, told(checks));
  assert.deepEqual(
    stages.filter(({ state }) => state !== "finished").map(({ kind, name }) => `${kind} ${name}`),
    [
      "evaluate grace",
      "report ",
    ],
  );
  assert.match(told(checks), /the run is not finished: evaluation of grace not begun/);
  assert.deepEqual(
    [...new Set(checks.filter(({ status }) => status === "not reached").map(({ part }) => part))],
    ["checkpoints", "scores", "report"],
  );

  Deno.removeSync(join(run, "arms/cl/checkpoints/step-000003"), { recursive: true });
  const { lab } = await original();
  const options = {
    folder: run,
    replay: 1,
    backbone: lab.path("nowhere.gguf"),
    dataRoot: lab.path("elsewhere"),
  };
  const alone = await verifyRun(options, io);
  assert.equal(alone.exitCode, 3, told(alone.checks));
  assert.deepEqual(failed(alone.checks), []);
  const impossible = alone.checks.filter(({ status }) => status === "not possible");
  assert.deepEqual([...new Set(impossible.map(({ part }) => part))], [
    "inputs",
    "checkpoints",
    "scores",
    "replay",
  ]);
  assert.match(told(impossible), /nowhere\.gguf" does not exist(.|\n)*--replay 3 makes its weights again/);
});

Deno.test("grace-repro verify and diff print what they find, and end as the contract says", async () => {
  const { lab, run } = await original(), copy = await copyRun();
  const data = ["--data-root", lab.path("data")];
  flipDigit(join(copy, rationales), "total", 3);
  const found = await launch(["verify", copy, ...data]);
  assert.equal(found.code, 1, found.stderr);
  assert.match(
    found.stdout,
    /^failed +journal +grace: rationales +18 rationales\n {4}! arms.*line 4.*total: stored/m,
  );
  assert.match(found.stdout, /^\d+ checks: .*failed.* This is not what the run wrote/m);

  const same = await launch(["diff", run, run]);
  assert.equal(same.code, 0, same.stderr);
  assert.match(
    same.stdout,
    /Settings: equal\.(.|\n)*all 3 steps are the same(.|\n)*The two are equal in all of it\.\n$/,
  );
  const { code, stdout } = await launch(["diff", run, copy, "--json"]);
  assert.equal(code, 0);
  const { schema, equal, journals } = JSON.parse(stdout);
  assert.deepEqual([schema, equal], ["grace-diff/1", false]);
  const { arm, first } = journals.find(({ first }: { first: unknown }) => first !== null);
  assert.deepEqual([arm, first.journal, first.step, first.field], ["grace", "rationales", 1, "total"]);

  // Another program's settings may have keys that are not known here: nobody need have edited them.
  const unreadable = async (edit: (path: string) => void) => {
    const folder = await copyRun();
    editText(join(folder, "manifest.resolved.json"), (text) => text.replace('"arms"', '"limbs"'));
    edit(join(folder, "grace.lock.json"));
    return (await verify(folder)).exitCode;
  };
  assert.equal(await unreadable(() => {}), 1);
  const otherSource = (path: string) =>
    editText(path, (text) => text.replace(/("source": ")[0-9a-f]{8}/, "$100000000"));
  assert.equal(await unreadable(otherSource), 3);

  const nothing = await launch(["verify", lab.path("data")]);
  assert.equal(nothing.code, 3);
  assert.match(nothing.stderr, /holds neither manifest\.resolved\.json nor .*it is not the folder of a run/);
});
