import { join } from "node:path";
import { assert } from "#test";
import { UsageError } from "#errors";
import { findSuite } from "../evals/find_suite.ts";
import { resolveSuite } from "../evals/suite.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { openBackbone } from "../lib/backbone/open.ts";
import { Lab, tinyModel } from "./_lab.ts";
import { launch } from "./_launch.ts";
import { requireAnswerRoom } from "./answer_room.ts";

Deno.test("requireAnswerRoom() names the tasks that take more positions than there are, and how to choose the others", async () => {
  using lab = await Lab.create();
  const suite = findSuite("smoke"), tasks = await resolveSuite(suite, new Mirror(lab.path("data")));
  const backbone = await openBackbone(tinyModel);
  backbone.close();
  const check = (maxPositions: number) =>
    requireAnswerRoom(suite, tasks, { ...backbone, config: { ...backbone.config, maxPositions } });
  const refused = (maxPositions: number) => {
    try {
      check(maxPositions);
    } catch (error) {
      if (error instanceof UsageError) return error;
    }
    return assert.fail(`${maxPositions} positions are enough`);
  };
  const { message, cure } = refused(1);
  const [, gsm8k, mmlu] = /: gsm8k-1shot\[smoke:3\] (\d+) tokens, mmlu-9-of-14042\[smoke:4\] (\d+) tokens$/
    .exec(message)!.map(Number);
  assert.match(cure, /--suite smoke:STSBenchmark,Banking77Classification,SciFact, or/);
  assert(mmlu! < gsm8k!, message);
  check(gsm8k!);
  assert.match(refused(gsm8k! - 1).message, /: gsm8k-1shot\[smoke:3\] \d+ tokens$/);
  assert.match(refused(gsm8k! - 1).cure, /SciFact,mmlu, or/);
  assert.match(refused(mmlu! - 1).message, /, mmlu/);
});

Deno.test("run and eval refuse tasks that do not fit before they make a folder", async () => {
  using lab = await Lab.create();
  const model = lab.copyModel(), config = join(model, "config.json");
  const json = JSON.parse(Deno.readTextFileSync(config));
  Deno.writeTextFileSync(config, JSON.stringify({ ...json, max_position_embeddings: 100 }));
  const manifest = lab.manifest({ backbone: model, prompt: { promptTokens: 60 } });
  const runs = [
    await lab.run(manifest, "out"),
    await launch(["eval", ...lab.runArgs(manifest, "out").slice(1)]),
  ];
  for (const { code, stderr } of runs) {
    assert.equal(code, 2, stderr);
    assert.match(stderr, /the backbone has 100 positions, .*: gsm8k-1shot\[smoke:3\] \d+ tokens\n/);
  }
  assert.throws(() => Deno.statSync(lab.path("out")), Deno.errors.NotFound);
  const others = lab.manifest({
    backbone: model,
    prompt: { promptTokens: 60 },
    suite: "smoke:STSBenchmark,mmlu",
  });
  const { code, stderr } = await launch(["eval", ...lab.runArgs(others, "out").slice(1)]);
  assert.equal(code, 0, stderr);
});
