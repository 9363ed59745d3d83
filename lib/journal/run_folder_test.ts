import { assert } from "#test";
import { CheckFailedError, UsageError } from "#errors";
import { digestRun } from "./digest.ts";
import { type RunContents, RunFolder } from "./run_folder.ts";

async function inTempDir(fn: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync();
  try {
    await fn(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

function contents(identity = "a".repeat(64)): RunContents {
  return { identity, intent: "{}\n", lock: '{"tool":1}\n', resolved: `{"identity":"${identity}"}\n` };
}

async function writeRun(path: string, ms: number): Promise<void> {
  using run = RunFolder.open(path, contents());
  using steps = run.openJournal("grace", "steps");
  steps.append(ms > 5 ? { step: 1, loss: 0.5, timing: { ms } } : { timing: { ms }, loss: 0.5, step: 1 });
  await run.writeCheckpoint("grace", 1, (part) => Deno.writeTextFileSync(`${part}/w`, "weights"));
  run.writeFile("scores/base/sts.json", JSON.stringify({ score: 1, tasks: [{ timing: ms }] }));
  run.writeFile("report.html", `made in ${ms} ms`);
}

Deno.test("RunFolder.open() writes the documents and reports a new run", async () => {
  await inTempDir((dir) => {
    using run = RunFolder.open(`${dir}/r`, contents());
    assert.equal(run.resumed, false);
    assert.deepEqual(run.recovered, []);
    assert.equal(Deno.readTextFileSync(`${dir}/r/grace.lock.json`), '{"tool":1}\n');
  });
});

Deno.test("RunFolder.open() refuses a folder that holds another run, another lock or something else", async () => {
  await inTempDir((dir) => {
    RunFolder.open(`${dir}/r`, contents())[Symbol.dispose]();
    assert.throws(() => RunFolder.open(`${dir}/r`, contents("b".repeat(64))), UsageError);
    Deno.writeTextFileSync(`${dir}/r/grace.lock.json`, "{}\n");
    assert.throws(() => RunFolder.open(`${dir}/r`, contents()), CheckFailedError);
    Deno.mkdirSync(`${dir}/home`);
    Deno.writeTextFileSync(`${dir}/home/thesis.tex`, "");
    assert.throws(() => RunFolder.open(`${dir}/home`, contents()), /holds "thesis.tex"/);
    assert.throws(() => RunFolder.open(`${dir}/x`, { ...contents(), identity: "c" }), UsageError);
  });
});

Deno.test("RunFolder.open() completes a folder whose creation was interrupted", async () => {
  await inTempDir((dir) => {
    Deno.mkdirSync(`${dir}/r`);
    Deno.writeTextFileSync(`${dir}/r/grace.json`, "{}\n");
    Deno.writeTextFileSync(`${dir}/r/grace.lock.json.part-9`, '{"to');
    using run = RunFolder.open(`${dir}/r`, contents());
    assert.deepEqual(run.recovered, ['removed the unfinished "grace.lock.json.part-9"']);
    assert.equal(Deno.readTextFileSync(`${dir}/r/grace.lock.json`), '{"tool":1}\n');
  });
});

Deno.test("RunFolder.open() refuses a second writer until the first is disposed", async () => {
  await inTempDir((dir) => {
    {
      using _first = RunFolder.open(`${dir}/r`, contents());
      assert.throws(() => RunFolder.open(`${dir}/r`, contents()), new RegExp(`by process ${Deno.pid}`));
    }
    using second = RunFolder.open(`${dir}/r`, contents());
    assert.equal(second.resumed, true);
    assert.deepEqual(second.recovered, []);
  });
});

Deno.test("RunFolder.rollBack() cuts journals back to the newest complete checkpoint", async () => {
  await inTempDir(async (dir) => {
    using run = RunFolder.open(`${dir}/r`, contents());
    {
      using steps = run.openJournal("cl", "steps");
      for (let step = 1; step <= 12; step++) {
        steps.append({ step });
        if (step % 5 === 0) await run.writeCheckpoint("cl", step, () => {});
      }
    }
    Deno.mkdirSync(`${dir}/r/arms/cl/checkpoints/step-000012.part-1`);
    const { checkpoint, journals } = run.rollBack("cl");
    assert.equal(checkpoint?.step, 10);
    assert.deepEqual(journals.steps, { kept: 10, dropped: 2, tornBytes: 0 });
    assert.equal(run.rollBack("grace").checkpoint, undefined);
  });
});

Deno.test("RunFolder.rollBack() empties the journals of an arm without a checkpoint", async () => {
  await inTempDir((dir) => {
    using run = RunFolder.open(`${dir}/r`, contents());
    {
      using steps = run.openJournal("cl", "steps");
      steps.append({ step: 0 });
    }
    assert.equal(run.rollBack("cl").journals.steps.dropped, 1);
    assert.equal(Deno.statSync(`${dir}/r/arms/cl/steps.jsonl`).size, 0);
  });
});

Deno.test("digestRun() ignores timing, key order, reports and what a person wrote", async () => {
  await inTempDir(async (dir) => {
    await writeRun(`${dir}/a`, 3);
    await writeRun(`${dir}/b`, 7);
    Deno.writeTextFileSync(`${dir}/b/grace.json`, '{"preset":"fixed"}');
    assert.deepEqual(digestRun(`${dir}/a`), digestRun(`${dir}/b`));
  });
});

Deno.test("digestRun() changes when any deterministic content changes, and names the file", async () => {
  await inTempDir(async (dir) => {
    await writeRun(`${dir}/a`, 3);
    const before = digestRun(`${dir}/a`);
    const edits: Record<string, string> = {
      "arms/grace/checkpoints/step-000001/w": "Weights",
      "arms/grace/steps.jsonl": '{"step":1,"loss":0.25}\n',
      "grace.lock.json": '{"tool":2}\n',
      "manifest.resolved.json": '{"identity":"b"}',
      "scores/base/sts.json": '{"score":2,"tasks":[{}]}',
    };
    assert.deepEqual(before.files.map((f) => f.path), Object.keys(edits));
    for (const [name, text] of Object.entries(edits)) {
      const original = Deno.readFileSync(`${dir}/a/${name}`);
      Deno.writeTextFileSync(`${dir}/a/${name}`, text);
      const after = digestRun(`${dir}/a`);
      assert.notEqual(after.digest, before.digest);
      const changed = after.files.filter((f, i) => f.sha256 !== before.files[i]!.sha256);
      assert.deepEqual(changed.map((f) => f.path), [name]);
      Deno.writeFileSync(`${dir}/a/${name}`, original);
    }
    assert.deepEqual(digestRun(`${dir}/a`), before);
  });
});
