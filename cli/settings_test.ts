import { assert } from "#test";
import { MissingError } from "#errors";
import { resolvedText } from "../lib/manifest/identity.ts";
import { parseManifest } from "../lib/manifest/parse.ts";
import { resolveManifest } from "../lib/manifest/resolve.ts";
import type { CommandIo } from "./io.ts";
import { dataRootOf, noteUnusedDataRoot, type SettingOptions, settingsOf } from "./settings.ts";

/** Writes a manifest, settles the options with it, and removes it. */
async function withManifest(content: object, options: SettingOptions) {
  const manifest = Deno.makeTempFileSync({ suffix: ".json" });
  try {
    Deno.writeTextFileSync(manifest, JSON.stringify(content));
    return await settingsOf({ ...options, manifest });
  } finally {
    Deno.removeSync(manifest);
  }
}

const flags: SettingOptions = {
  preset: "fixed",
  backbone: "./my-model",
  suite: "smoke",
  arms: ["base", "grace"],
  steps: 10,
  seed: 0,
  device: "cpu",
};

const written = {
  $schema: "./grace.schema.json",
  preset: "code",
  seed: 7,
  train: { steps: 20, checkpointEvery: 5 },
  reward: { gamma: 0.5 },
};

Deno.test("settingsOf() writes an intent that is a manifest of the same settings", async () => {
  for (
    const { resolved, intent } of [
      await settingsOf({}),
      await settingsOf(flags),
      await withManifest(written, {}),
      await withManifest(written, flags),
    ]
  ) {
    assert.deepEqual(
      resolveManifest(parseManifest(intent, "grace.json")).manifest,
      resolved.manifest,
      intent,
    );
  }
});

Deno.test("settingsOf() writes into the intent what was chosen and nothing else", async () => {
  const { intent } = await withManifest(written, { steps: 10 });
  assert.deepEqual(JSON.parse(intent), {
    ...written,
    train: { steps: 10, checkpointEvery: 5 },
    cl: { steps: 10 },
  });
  assert.equal((await settingsOf({})).intent, "{}\n");
});

Deno.test("settingsOf() makes one list of the manifest's arms and fullArms when --full is given", async () => {
  const content = { arms: ["base", "grace"], fullArms: ["grace", "grace-plain"] };
  const { resolved, intent } = await withManifest(content, { full: true });
  assert.deepEqual(resolved.manifest.arms, ["base", "grace", "grace-plain"]);
  assert.equal(resolved.provenance.arms, "--full");
  assert.deepEqual(JSON.parse(intent).arms, resolved.manifest.arms, "the manifest alone gives the same run");
  const all = (await settingsOf({ full: true })).resolved.manifest;
  assert.deepEqual(Object.keys(all.controls).filter((name) => !all.arms.includes(name)), []);
});

Deno.test("settingsOf() refuses to be told the arms in two ways", async () => {
  await assert.rejects(settingsOf({ full: true, arms: ["base"] }), /--full together with --arms/);
});

Deno.test("settingsOf() lets --device, auto too, take the place of a manifest's, and nothing if it is not given", async () => {
  const deviceOf = async (options: SettingOptions) =>
    (await withManifest({ device: "webgpu" }, options)).resolved.manifest.device;
  assert.equal(await deviceOf({ device: "auto" }), "auto");
  assert.equal(await deviceOf({}), "webgpu");
});

Deno.test("settingsOf() reads a checkpoint as its run did, unless another preset is named", async () => {
  const run = Deno.makeTempDirSync();
  try {
    const checkpoint = `${run}/arms/grace/checkpoints/step-000002`;
    Deno.mkdirSync(checkpoint, { recursive: true });
    const presetOf = async (options: SettingOptions) => {
      const { manifest, provenance } = (await settingsOf({ ...options, backbone: checkpoint })).resolved;
      return [manifest.preset, provenance["preset"]];
    };
    assert.equal((await presetOf({}))[0], "smollm2-cpu", "a checkpoint without its run");
    const resolved = resolveManifest({ preset: "tiny" });
    Deno.writeTextFileSync(`${run}/manifest.resolved.json`, resolvedText(resolved, "0".repeat(64)));
    assert.deepEqual(await presetOf({}), ["tiny", "the run of this checkpoint"]);
    assert.deepEqual(await presetOf({ preset: "fixed" }), ["fixed", "--preset"]);
    const written = await withManifest({ preset: "code", backbone: checkpoint }, {});
    assert.equal(written.resolved.manifest.preset, "code");
    const read = await withManifest({ backbone: `${checkpoint}/` }, {});
    assert.equal(read.resolved.manifest.preset, "tiny");
  } finally {
    Deno.removeSync(run, { recursive: true });
  }
});

Deno.test("dataRootOf() refuses a folder of the command line that is not there", () => {
  const here = import.meta.dirname!;
  assert.equal(dataRootOf(here), here);
  assert.throws(
    () => dataRootOf(`${here}/nowhere`),
    (error) => error instanceof MissingError && /nowhere" \(--data-root\)/.test(error.message),
  );
});

Deno.test("noteUnusedDataRoot() tells of a folder that was named for nothing, and of none that was not", () => {
  const notes: string[] = [];
  const io = { progress: { note: (text: string) => notes.push(text) } } as unknown as CommandIo;
  noteUnusedDataRoot({}, "tiny", io);
  noteUnusedDataRoot({ dataRoot: "data" }, "tiny", io);
  assert.deepEqual(notes, [
    '--data-root "data" is not read: all data of the suite "tiny" come with the program',
  ]);
});
