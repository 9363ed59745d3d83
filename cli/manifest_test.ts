import { join } from "node:path";
import { assert } from "#test";
import { CheckFailedError, ExitCode, MissingError, UsageError } from "#errors";
import { schemaText } from "../lib/manifest/emit_schema.ts";
import { PRESETS } from "../lib/manifest/names.ts";
import { loadManifest } from "../lib/manifest/parse.ts";
import { presetManifest } from "../lib/manifest/presets.ts";
import { resolveManifest } from "../lib/manifest/resolve.ts";
import { Lab, onlyFolder } from "./_lab.ts";
import { launch } from "./_launch.ts";
import type { CommandIo } from "./io.ts";
import { manifestCommand, type ManifestRequest } from "./manifest.ts";
import { Progress } from "./progress.ts";

/** What a request prints, and what it remarks. */
async function ask(
  request: ManifestRequest,
  { json = false, signal = new AbortController().signal } = {},
): Promise<{ stdout: string; notes: string }> {
  const lines: string[] = [], notes: string[] = [];
  const io: CommandIo = {
    json,
    color: false,
    columns: undefined,
    signal,
    progress: new Progress({
      write: (text) => notes.push(text),
      interactive: false,
      color: false,
      quiet: false,
      columns: () => 80,
      now: () => 0,
    }),
    print: (line) => lines.push(line),
    write: () => assert.fail("no bytes"),
  };
  assert.equal(await manifestCommand(request, io), ExitCode.success);
  return { stdout: lines.join("\n"), notes: notes.join("") };
}

const there = (path: string) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
};

Deno.test("manifest init writes a file that gives the settings of its preset, and the schema beside it", async () => {
  using lab = await Lab.create();
  for (const preset of PRESETS) {
    const out = lab.path("new folder", preset, "grace.json");
    const backbone = preset === "tiny" ? undefined : "./my-model";
    const { stdout } = await ask({ command: "init", options: { preset, out, backbone } });
    assert.ok(stdout.startsWith(`${out}: preset ${preset}, `));
    const { $schema, ...input } = loadManifest(out);
    assert.deepEqual(resolveManifest(input).manifest, {
      ...presetManifest(preset),
      ...backbone !== undefined && { backbone },
    });
    assert.equal(Deno.readTextFileSync(join(out, "..", $schema!)), schemaText());
  }
  const out = lab.path("own.json");
  await ask({ command: "init", options: { backbone: "./my-model", out } });
  const { preset, backbone } = loadManifest(out);
  assert.deepEqual([preset, backbone], ["smollm2-cpu", "./my-model"], "the preset that run would choose");
});

Deno.test("manifest init writes no file that run would refuse: the presets of larger models need one", async () => {
  using lab = await Lab.create();
  const out = lab.path("paper.json");
  for (const preset of PRESETS.filter((name) => name !== "tiny")) {
    await assert.rejects(ask({ command: "init", options: { preset, out } }), (error) => {
      assert.ok(error instanceof UsageError && error.message.includes(`"${preset}"`), String(error));
      return /--backbone/.test(error.cure);
    });
  }
  assert.ok(!there(out));
  // Who names it can lower what does not fit.
  await ask({ command: "init", options: { preset: "paper", backbone: "tiny", out } });
});

Deno.test("manifest init overwrites nothing, and leaves nothing where it cannot write", async () => {
  using lab = await Lab.create();
  const out = lab.write("grace.json", "mine"), schema = lab.write("grace.schema.json", "of another version");
  await assert.rejects(ask({ command: "init", options: { out } }), (error) => {
    return error instanceof UsageError && error.message === `"${out}" is there already`;
  });
  assert.equal(Deno.readTextFileSync(out), "mine");
  Deno.symlinkSync(lab.path("nowhere"), lab.path("link.json"));
  await assert.rejects(ask({ command: "init", options: { out: lab.path("link.json") } }), UsageError);
  assert.ok(!there(lab.path("nowhere")), "a link that leads nowhere is not written through");
  await assert.rejects(ask({ command: "init", options: { out: join(out, "grace.json") } }), MissingError);
  for (const folder of [lab.root, lab.path("new/")]) {
    await assert.rejects(ask({ command: "init", options: { out: folder } }), /is a folder$/);
  }
  const { notes } = await ask({ command: "init", options: { out: lab.path("other.json") } });
  assert.match(notes, /grace\.schema\.json is there already and not that of this version/);
  assert.equal(Deno.readTextFileSync(schema), "of another version");
});

Deno.test("manifest show tells value, origin and what paper and code have instead; --changed leaves out what is the same", async () => {
  using lab = await Lab.create();
  const manifest = lab.write("own.json", JSON.stringify({ preset: "fixed", reward: { lambda2: 0.5 } }));
  const whole = await ask({ command: "show", options: { manifest, steps: 7 } });
  assert.match(
    whole.stdout,
    /^Preset fixed \(.*own\.json\)\. Of \d+ settings and controls: 3 other than in fixed, /,
  );
  assert.match(whole.stdout, /^setting +value +from +fixed +paper +code +about$/m);
  assert.match(whole.stdout, /^reward\.lambda2 +0\.5 +.*own\.json +0\.2 +0\.2 +0\.2 +P8$/m);
  assert.match(whole.stdout, /^train\.steps +7 +--steps +1000 +1000 +1000 +P10$/m);
  assert.match(whole.stdout, /^prompt\.system +"Read and analyze the follo… +preset fixed$/m);
  assert.match(whole.stdout, /^seed +1 +preset fixed$/m);
  const { stdout } = await ask({ command: "show", options: { manifest, steps: 7, changed: true } }, {
    json: true,
  });
  const { schema, preset, presets, settings } = JSON.parse(stdout);
  assert.deepEqual([schema, preset.name, presets], ["grace-manifest/1", "fixed", ["fixed", "paper", "code"]]);
  const paths: string[] = settings.map(({ path }: { path: string }) => path);
  assert.ok(paths.includes("reward.grouping") && paths.includes("cl.steps") && !paths.includes("seed"));
  const own = await ask({ command: "show", options: { preset: "paper", changed: true } });
  assert.match(
    own.stdout,
    /: 0 other than in paper, \d+ other than in code\.\n\nsetting +value +from +paper +code +about\n/,
  );
});

Deno.test("manifest explain prints a setting, a section, a control and a number, each also as JSON", async () => {
  const cases: [key: string, what: string, line: RegExp][] = [
    ["reward.negatives", "setting", /^ {2}code, unsupervised +"per-rollout"$/m],
    ["seed", "setting", /^ {2}every preset +1$/m],
    ["train.miniBatches", "setting", /^ {2}checked +a batch of prompts must divide .*: make train\./m],
    ["device", "setting", /^ {2}identity +not part of it/m],
    ["reward", "section", /^ {2}reward\.gamma: number of at least 0$/m],
    ["controls", "section", /^ {2}controls\.grace-plain$/m],
    ["controls.grace-plain", "control", /^ {2}is +grace, without rationales$/m],
    [
      "p5",
      "number",
      /^P5: policy loss\n {2}paper .*\n {2}code .*\n {2}here .*\n\n {2}Settings: loss\.surrogate, /,
    ],
    ["B2", "number", /^ {2}No setting is about it\.$/m],
  ];
  for (const [key, what, line] of cases) {
    assert.match((await ask({ command: "explain", key })).stdout, line, key);
    const json = JSON.parse((await ask({ command: "explain", key }, { json: true })).stdout);
    assert.deepEqual([json.schema, json.what], ["grace-manifest-explain/1", what], key);
  }
});

Deno.test("manifest schema prints the published schema", async () => {
  assert.equal((await ask({ command: "schema" })).stdout + "\n", schemaText());
});

Deno.test("manifest lock writes the lock that run writes, and prints the name of its folder", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({ arms: ["cl"] }), beside = lab.path("grace.lock.json");
  const args = ["--manifest", manifest, "--data-root", lab.path("data"), "--seed", "5", "--steps", "1"];
  const locked = await launch(["manifest", "lock", ...args]);
  assert.equal(locked.code, 0, locked.stderr);
  const lock = Deno.readTextFileSync(beside);
  const run = await launch(["run", ...args, "--out", lab.path("out"), "--frozen"]);
  assert.equal(run.code, 0, run.stderr);
  const folder = onlyFolder(lab.path("out")),
    stored = JSON.parse(Deno.readTextFileSync(join(folder, "manifest.resolved.json")));
  assert.match(
    locked.stdout,
    new RegExp(`^identity +${stored.identity}\nrun folder +${folder.split("/").at(-1)}\n`),
  );
  assert.match(locked.stdout, /^lock +.*grace\.lock\.json: written$/m);
  assert.equal(Deno.readTextFileSync(join(folder, "grace.lock.json")), lock);
});

Deno.test("manifest lock says what changed, and with --frozen changes nothing", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({ arms: ["base"], device: "cpu" }), beside = lab.path("grace.lock.json");
  const options = { manifest, dataRoot: lab.path("data") };
  await assert.rejects(ask({ command: "lock", options: { ...options, frozen: true } }), MissingError);
  const { name, ...first } = JSON.parse((await ask({ command: "lock", options }, { json: true })).stdout);
  assert.deepEqual([first.schema, first.status, first.changes], ["grace-manifest-lock/1", "written", []]);
  const lock = Deno.readTextFileSync(beside);
  assert.deepEqual(first.lock, JSON.parse(lock));
  const frozen = JSON.parse(
    (await ask({ command: "lock", options: { ...options, frozen: true } }, { json: true })).stdout,
  );
  assert.deepEqual([frozen.status, frozen.identity], ["unchanged", first.identity]);

  const unkept = await ask({ command: "lock", options: { arms: ["base"], device: "cpu" } }, { json: true });
  const { status, file } = JSON.parse(unkept.stdout);
  assert.deepEqual([status, file], ["none", null], "without a manifest there is nothing to keep it beside");

  Deno.writeTextFileSync(lab.path("data/mteb/banking77/test.jsonl"), '{"text":"one more","label":1}\n', {
    append: true,
  });
  await assert.rejects(ask({ command: "lock", options: { ...options, frozen: true } }), (error) => {
    return error instanceof CheckFailedError &&
      /banking77\/test\.jsonl" has other content/.test(error.message);
  });
  const stopped = AbortSignal.abort();
  await assert.rejects(ask({ command: "lock", options }, { signal: stopped }), { name: "AbortError" });
  assert.equal(Deno.readTextFileSync(beside), lock, "neither a refused nor an interrupted one writes");

  const { stdout } = await ask({ command: "lock", options });
  assert.match(
    stdout,
    /: replaced\n\nChanged:\n- input data\/mteb\/banking77\/test\.jsonl: \d+ bytes, 40 rows.* -> \d+ bytes, 41 rows/,
  );
  assert.ok(!stdout.includes(name), "another run");
  Deno.writeTextFileSync(beside, "{");
  assert.match((await ask({ command: "lock", options })).stdout, /What was there was no lock\.$/);
});

Deno.test("docs/manifest.md shows what the commands print (GRACE_UPDATE=1 rewrites it)", async () => {
  const document = new URL("../docs/manifest.md", import.meta.url), text = Deno.readTextFileSync(document);
  // Not that of lock: digests are those of a machine.
  const shown = /^(```text\n\$ \.\/grace-repro (manifest (?:show|explain) .*)\n)[^]*?^```$/gm;
  let now = text, seen = 0;
  for (const [block, head, command] of text.matchAll(shown)) {
    const { stdout } = await launch(command!.split(" "));
    now = now.replace(block, () => `${head}${stdout}\`\`\``);
    seen++;
  }
  assert.equal(seen, 4);
  if (Deno.env.get("GRACE_UPDATE")) Deno.writeTextFileSync(document, now);
  assert.equal(Deno.readTextFileSync(document), now);
});
