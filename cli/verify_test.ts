import { join } from "node:path";
import { assert } from "#test";
import { readJournal } from "../lib/journal/read.ts";
import { launch } from "./_launch.ts";
import {
  copyRun,
  editLines,
  editText,
  failed,
  flipDigit,
  original,
  rationales,
  told,
  traceOf,
  verify,
} from "./_verified_run.ts";

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
  assert.match(told(replayed), /all of 3 executed steps are the same to the last bit/);
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
    /1 of 2 executed steps are the same to the last bit\nthe first that is not is step [12]/,
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
  const elsewhere = { backbone: lab.path("nowhere.gguf"), dataRoot: lab.path("elsewhere") };
  const alone = await verify(run, 1, elsewhere);
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
