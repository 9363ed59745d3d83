import { assert } from "#test";
import { Lab } from "./_lab.ts";
import { launch } from "./_launch.ts";

Deno.test("diff of two presets names each setting with both origins and the numbers of the discrepancies", async () => {
  const { code, stdout, stderr } = await launch(["diff", "paper", "code"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^- reward\.rewardMultiplier \[P1\]: 0\.1 \(preset paper\) -> 10 \(preset code\)$/m);
  assert.match(stdout, /^- reward\.grouping \[B3, B18\]: "uid" .* -> "prompt"/m);
  assert.match(stdout, /not compared, as "paper" and "code" have no lock\.$/m);
});

Deno.test("diff of a manifest and a preset says what the manifest changes; what is nothing of these ends with 3", async () => {
  using lab = await Lab.create();
  const manifest = lab.write("own.json", JSON.stringify({ preset: "fixed", reward: { lambda2: 0.5 } }));
  const { code, stdout, stderr } = await launch(["diff", "fixed", manifest, "--json"]);
  assert.equal(code, 0, stderr);
  const { schema, left, right, equal, settings, lock, journals } = JSON.parse(stdout);
  assert.deepEqual([schema, left.kind, right.kind, equal, lock, journals], [
    "grace-diff/1",
    "preset",
    "manifest",
    false,
    null,
    null,
  ]);
  const { path, left: before, right: after } = settings.find(({ path }: { path: string }) =>
    path !== "preset"
  );
  assert.deepEqual([path, before.value, before.source, after.value, after.source], [
    "reward.lambda2",
    0.2,
    "preset fixed",
    0.5,
    manifest,
  ]);
  assert.ok(
    settings.every(({ path }: { path: string }) => ["preset", "reward.lambda2"].includes(path)),
    stdout,
  );
  const unknown = await launch(["diff", "papr", manifest]);
  assert.equal(unknown.code, 3);
  assert.match(
    unknown.stderr,
    /"papr" is neither a folder, nor a file, nor a preset\n.*did you mean paper\?/,
  );
});
