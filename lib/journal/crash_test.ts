import { join } from "node:path";
import { assert } from "#test";
import { digestRun } from "./digest.ts";
import { checkpointsPath, journalPath } from "./layout.ts";
import { latestCheckpoint } from "./run_folder.ts";
import { readJournal } from "./read.ts";
import { LOCK_FILE } from "./run_lock.ts";

const STEPS = 120;

function start(run: string): Deno.ChildProcess {
  const script = new URL("./_trainer_process.ts", import.meta.url).pathname;
  const args = ["run", "--no-check", "--allow-read", "--allow-write", script, run, String(STEPS)];
  return new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "piped" }).spawn();
}

async function finish(child: Deno.ChildProcess): Promise<boolean> {
  const { success, signal, stderr } = await child.output();
  if (!success && signal !== "SIGKILL") assert.fail(new TextDecoder().decode(stderr));
  return success;
}

/** Resolves once the process holds the run, so that a kill falls into the work and not into the start-up. */
async function untilWriting(run: string, pid: number): Promise<void> {
  const holder = () => {
    try {
      return Deno.readTextFileSync(join(run, LOCK_FILE)).trim();
    } catch {
      return "";
    }
  };
  for (let waited = 0; holder() !== String(pid); waited += 2) {
    if (waited > 20_000) assert.fail("the process never opened the run");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What must hold at any instant: every checkpoint is whole, and everything up to it is recorded. */
function checkInvariants(run: string): void {
  const newest = latestCheckpoint(run, "grace");
  if (!newest) return;
  for (const { name } of Deno.readDirSync(checkpointsPath(run, "grace"))) {
    if (!/^step-\d{6}$/.test(name)) continue;
    const folder = `${checkpointsPath(run, "grace")}/${name}`;
    const state = Deno.readTextFileSync(`${folder}/state.txt`);
    assert.equal(Deno.readTextFileSync(`${folder}/weights.bin`), state.repeat(2000));
  }
  const recorded = readJournal<{ step: number; state: string }>(journalPath(run, "grace", "steps"));
  assert.deepEqual(recorded.map((r) => r.step), recorded.map((_, i) => i + 1));
  assert.ok(recorded.length >= newest.step);
  assert.equal(recorded[newest.step - 1]!.state, Deno.readTextFileSync(`${newest.path}/state.txt`));
}

Deno.test("RunFolder resumes to the same digest when the process is killed at random moments", async () => {
  const root = Deno.makeTempDirSync();
  try {
    const [straight, killed] = [`${root}/straight`, `${root}/killed`];
    assert.ok(await finish(start(straight)));
    let kills = 0;
    for (let attempt = 0;; attempt++) {
      const child = start(killed);
      if (attempt < 6) {
        await untilWriting(killed, child.pid);
        await new Promise((resolve) =>
          setTimeout(resolve, crypto.getRandomValues(new Uint8Array(1))[0]! / 8)
        );
        try {
          child.kill("SIGKILL");
        } catch {
          // It finished before the signal: the loop ends below.
        }
      }
      const finished = await finish(child);
      checkInvariants(killed);
      if (finished) break;
      kills++;
    }
    assert.ok(kills > 0, "no kill hit a working process: the test showed nothing");
    const read = (run: string) => readJournal(journalPath(run, "grace", "rationales"));
    assert.deepEqual(read(killed), read(straight));
    assert.deepEqual(digestRun(killed), digestRun(straight));
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("RunFolder.open() refuses a second process and names the first", async () => {
  const root = Deno.makeTempDirSync();
  try {
    const run = `${root}/run`;
    const first = start(run);
    await untilWriting(run, first.pid);
    first.kill("SIGSTOP");
    const { code, stderr } = await start(run).output();
    first.kill("SIGKILL");
    await first.output();
    assert.notEqual(code, 0);
    assert.match(new TextDecoder().decode(stderr), new RegExp(`is being written to by process ${first.pid}`));
    assert.ok(await finish(start(run)), "a killed holder must not block the next process");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
