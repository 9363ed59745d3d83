import { join } from "node:path";
import { assert, assertClose } from "#test";
import { digestRun } from "../lib/journal/digest.ts";
import { journalPath } from "../lib/journal/layout.ts";
import { readJournal } from "../lib/journal/read.ts";
import { adapter, gpuTest } from "./_gpu_test_helper.ts";
import { Lab, onlyFolder } from "./_lab.ts";
import { launch } from "./_launch.ts";

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
