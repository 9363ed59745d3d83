import { UsageError } from "#errors";
import { assert } from "#test";
import type { SweepOptions } from "./sweep.ts";
import { cellNamed, planSweep } from "./sweep_plan.ts";

const plan = (options: Partial<SweepOptions>) => planSweep({ sweep: [], maxRuns: 32, ...options });

/** Writes a file, and removes it afterwards. */
async function withFile<T>(text: string, test: (path: string) => Promise<T>): Promise<T> {
  const path = Deno.makeTempFileSync({ suffix: ".json" });
  try {
    Deno.writeTextFileSync(path, text);
    return await test(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("planSweep() runs all cells with the first seed, then all with the second", async () => {
  const { runs, base, cells } = await plan({
    sweep: ["reward.lambda1=0,0.5", "reward.lambda2=0.1"],
    seeds: ["7", "3"],
    arms: ["base", "grace"],
  });
  assert.deepEqual(cells.map(({ name }) => name), [
    "reward.lambda1=0,reward.lambda2=0.1",
    "reward.lambda1=0.5,reward.lambda2=0.1",
  ]);
  assert.equal(base, cells[0]!.name);
  const settings = runs.map(({ seed, settings: { resolved: { manifest } } }) => [
    seed,
    manifest.seed,
    manifest.reward.lambda1,
    manifest.reward.lambda2,
  ]);
  assert.deepEqual(settings, [[7, 7, 0, 0.1], [7, 7, 0.5, 0.1], [3, 3, 0, 0.1], [3, 3, 0.5, 0.1]]);
  const { provenance } = runs[0]!.settings.resolved;
  assert.deepEqual([provenance["reward.lambda1"], provenance["seed"]], ["--set", "--seed"]);
  assert.equal(JSON.parse(runs[1]!.settings.intent).reward.lambda1, 0.5, "grace.json alone gives the run");
});

Deno.test("planSweep() takes settings and seeds from a file, and the seed of the settings where there is none", async () => {
  const { grid } = await withFile(
    '{"set": {"advantage.estimator": ["grpo", "rloo"]}}',
    (file) => plan({ file }),
  );
  assert.deepEqual(grid, { settings: { "advantage.estimator": ["grpo", "rloo"] }, seeds: [1] });
  const seeded = await withFile('{"set": {}, "seeds": [4, 5]}', (file) => plan({ file }));
  assert.deepEqual([seeded.grid.seeds, seeded.cells.map(({ name }) => name)], [[4, 5], [""]]);
});

Deno.test("planSweep() refuses what is wrong, contradicts itself, or is too much", async () => {
  const lambda = "reward.lambda1=0,1";
  const settings = [
    "reward.lambda1",
    "reward.lambda2",
    "reward.gamma",
    "loss.clipLow",
    "loss.clipHigh",
    "sampling.temperature",
  ];
  const huge = settings.map((path) => `${path}=${Array.from({ length: 100 }, (_, i) => (i + 1) / 1000)}`);
  const refused: [Partial<SweepOptions>, RegExp][] = [
    [{ sweep: ["reward.lamda1=0"] }, /did you mean "reward\.lambda1"/],
    [{ sweep: ["reward.lambda1=0,x"] }, /"reward\.lambda1"/],
    [{ sweep: [lambda, "reward.lambda1=2"] }, /"reward\.lambda1" is set twice/],
    [{ sweep: ["train.steps=1,2"], steps: 3 }, /--steps sets it, too/],
    [{ sweep: ["preset=paper,code"], preset: "fixed" }, /--preset sets it, too/],
    [
      { sweep: ["cl.temperature=0.1"], arms: ["base", "grace"] },
      /no arm of base, grace reads "cl\.temperature"/,
    ],
    [{ sweep: ["suite=tiny,mini"] }, /"suite" cannot be swept/],
    [{ sweep: [lambda], seeds: ["1", "2"], maxRuns: 3 }, /4 runs, more than --max-runs 3/],
    [{ sweep: huge }, /1000000000000 cells with 1 seeds are 1000000000000 runs/],
    [{ seeds: ["1"], seed: 2 }, /--seed together with/],
    [{ seeds: ["-1"] }, /"-1" is no seed/],
    [{ seeds: ["1", "01"] }, /1 is there twice among the values for the seeds/],
    [{ sweep: [lambda], base: "reward.lambda1=3" }, /no cell "reward\.lambda1=3"/],
    [{}, /nothing is swept/],
  ];
  for (const [options, says] of refused) {
    await assert.rejects(plan(options), (error) => error instanceof UsageError && says.test(error.message));
  }
  for (const text of ["[]", '{"set": {}, "sed": [1]}', '{"set": {"a": 1}}', '{"set": {}, "set": {}}', "{"]) {
    await assert.rejects(withFile(text, (file) => plan({ file })), UsageError, text);
  }
  await assert.rejects(
    withFile('{"set": {"reward.lambda1": [0]}, "seeds": [1]}', (file) => plan({ file, seeds: ["2"] })),
    /--seeds together with the seeds in/,
  );
});

Deno.test("cellNamed() finds a cell whatever the order of its settings", () => {
  const cells = [{ name: "a=1,b=2" }, { name: "a=2,b=1" }];
  assert.equal(cellNamed(cells, "b=1, a=2"), "a=2,b=1");
  assert.equal(cellNamed(cells, undefined), "a=1,b=2");
  assert.throws(() => cellNamed(cells, "a=1"), UsageError);
});
