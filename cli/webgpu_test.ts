import { join } from "node:path";
import { assert, assertClose } from "#test";
import { DeviceError } from "#errors";
import { findAdapter, openAdapter } from "../kernels/webgpu/adapter.ts";
import { createWebGpuDevice } from "../kernels/webgpu/mod.ts";
import { digestRun } from "../lib/journal/digest.ts";
import { journalPath } from "../lib/journal/layout.ts";
import { readJournal } from "../lib/journal/read.ts";
import { latestCheckpoint } from "../lib/journal/run_folder.ts";
import { Lab, onlyFolder } from "./_lab.ts";
import { launch } from "./_launch.ts";
import { runExperiment } from "./experiment.ts";
import { Progress, type ProgressReport } from "./progress.ts";
import { settingsOf } from "./settings.ts";

const adapter = await findAdapter();
const gpuTest = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, ignore: adapter === null, sanitizeOps: false, sanitizeResources: false, fn });

gpuTest("run --device webgpu writes what the CPU engine writes, and the same bits twice", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest();
  const folders: string[] = [];
  for (const [out, device] of [["cpu", "cpu"], ["gpu", "webgpu"], ["again", "webgpu"]] as const) {
    const { code, stdout, stderr } = await launch([...lab.runArgs(manifest, out), "--device", device]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^task +metric +items +base +reasoning +cl +grace$/m);
    assert.equal(/WebGPU in software/.test(stderr), device === "webgpu" && adapter!.software, stderr);
    folders.push(onlyFolder(lab.path(out)));
  }
  const [cpu, gpu, again] = folders as [string, string, string];
  assert.deepEqual(digestRun(again), digestRun(gpu));
  const engine = JSON.parse(Deno.readTextFileSync(join(gpu, "grace.lock.json"))).engine;
  assert.equal(engine.device, "webgpu");
  assert.ok(engine.runtime.includes(adapter!.name), engine.runtime);
  const written = (run: string) =>
    readJournal(journalPath(run, "grace", "rationales")).map(({ rationale }) => rationale);
  assert.deepEqual(written(gpu), written(cpu));
  const losses = (run: string) =>
    readJournal(journalPath(run, "cl", "steps")).map(({ loss }) => Number(loss));
  assertClose(losses(gpu), losses(cpu), 1e-3, "losses of cl");
  // The most device memory of every step.
  const peaks = (run: string) =>
    ["cl", "grace"].flatMap((arm) => readJournal(journalPath(run, arm, "steps"))).map(({ timing }) =>
      (timing as { peakDeviceBytes: number }).peakDeviceBytes
    );
  assert.ok(peaks(gpu).length > 0 && peaks(gpu).every((bytes) => bytes > 1e6), `${peaks(gpu)}`);
  assert.deepEqual(peaks(again), peaks(gpu));
});

gpuTest("embed --device webgpu gives the vectors of the CPU engine", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest();
  const [cpu, gpu] = await Promise.all(["cpu", "webgpu"].map(async (device) => {
    const args = ["embed", "--manifest", manifest, "--device", device, "--json", "a text", "another one"];
    const { code, stdout, stderr } = await launch(args);
    assert.equal(code, 0, stderr);
    return stdout.trim().split("\n").map((line) =>
      JSON.parse(line) as { embedding: number[]; rationale: string }
    );
  }));
  assert.equal(gpu!.length, 2);
  gpu!.forEach(({ embedding, rationale }, i) => {
    assert.equal(rationale, cpu![i]!.rationale);
    assertClose(embedding, cpu![i]!.embedding, 1e-5, `text ${i}`);
  });
});

gpuTest(
  "run --device webgpu refuses a log ratio that float32 cannot raise e to before it does anything",
  async () => {
    using lab = await Lab.create();
    const control = { of: "grace", set: { "loss.logRatioClamp": 81 } };
    const manifest = lab.manifest({ controls: { steep: control }, arms: ["base", "steep"] });
    const { code, stderr } = await launch([...lab.runArgs(manifest, "out"), "--device", "webgpu"]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /loss\.logRatioClamp "81" is more than a GPU's float32 can raise e to/);
    assert.match(stderr, /80 at most, or --device cpu$/m);
    assert.throws(() => Deno.statSync(lab.path("out")), Deno.errors.NotFound);
  },
);

/** Calls `onStep` with the number of steps that an arm has done. */
class Watch extends Progress {
  constructor(readonly onStep: (arm: string, done: number) => void) {
    super({ quiet: true } as ConstructorParameters<typeof Progress>[0]);
  }
  override update({ task, done }: ProgressReport): void {
    this.onStep(task, done);
  }
}

gpuTest(
  "a GPU that is lost ends a run with exit code 4, and the run goes on from its journal to the same bits",
  async () => {
    using lab = await Lab.create();
    const manifest = lab.manifest({ arms: ["grace"], train: { steps: 6, checkpointEvery: 2 } });
    const { resolved, intent } = await settingsOf({ manifest });
    const attempt = async (out: string, loseAfter = Infinity) => {
      const opened = await openAdapter(), device = await createWebGpuDevice({ adapter: opened });
      const watch = new Watch((task, done) => {
        if (/grace/.test(task) && done === loseAfter) opened.device.destroy();
      });
      try {
        return await runExperiment({
          resolved,
          intent,
          lockFile: null,
          frozen: false,
          dataRoot: lab.path("data"),
          out: lab.path(out),
          device,
        }, {
          json: false,
          color: false,
          columns: undefined,
          signal: new AbortController().signal,
          progress: watch,
          print() {},
          write() {},
        });
      } finally {
        device.dispose();
      }
    };
    await assert.rejects(attempt("lost", 3), (error) => {
      assert.ok(error instanceof DeviceError, String(error));
      assert.match(error.message, /^The GPU was lost/);
      assert.equal(error.exitCode, 4);
      return true;
    });
    const broken = onlyFolder(lab.path("lost"));
    assert.deepEqual(readJournal(journalPath(broken, "grace", "steps")).map(({ step }) => step), [1, 2, 3]);
    assert.equal(latestCheckpoint(broken, "grace")?.step, 2);
    const { folder } = await attempt("lost");
    assert.equal(folder, broken);
    assert.deepEqual(digestRun(folder), digestRun((await attempt("whole")).folder));
  },
);
