import { assert } from "#test";
import { GraceError, MissingError, UsageError } from "#errors";
import { checkManifest, loadManifest, parseManifest } from "./parse.ts";

function messageOf(value: unknown): string {
  try {
    checkManifest(value, "grace.json");
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  return assert.fail("it was accepted");
}

Deno.test("checkManifest() names the path of an unknown key and the one that was meant", () => {
  for (
    const [value, expected] of [
      [{ train: { step: 3 } }, 'unknown key "train.step", did you mean "train.steps"?'],
      [
        { sampling: { maxNewToken: 3 } },
        'unknown key "sampling.maxNewToken", did you mean "sampling.maxNewTokens"?',
      ],
      [{ optimiser: {} }, 'unknown key "optimiser", did you mean "optimizer"?'],
      [{ reward: { Lambda1: 0 } }, 'unknown key "reward.Lambda1", did you mean "reward.lambda1"?'],
      [
        { loss: { divideByStd: true } },
        'unknown key "loss.divideByStd", did you mean "advantage.divideByStd"?',
      ],
    ] as const
  ) assert.equal(messageOf(value), `grace.json: ${expected}`);
  for (const dotted of ["train.steps", "train.stepps"]) {
    assert.equal(
      messageOf({ [dotted]: 10 }),
      `grace.json: unknown key "${dotted}", nest it: {"train": {"steps": ...}}`,
    );
  }
  assert.equal(messageOf({ zzzzqqqq: 1 }), 'grace.json: unknown key "zzzzqqqq"');
});

Deno.test("checkManifest() reports all problems at once, each with what it found", () => {
  const message = messageOf({ seed: -1, train: { steps: "many", foo: 1 }, device: "gpu" });
  for (
    const part of [
      '"seed"',
      "found -1",
      '"train.steps"',
      'found "many"',
      '"train.foo"',
      '"device"',
      'found "gpu"',
    ]
  ) {
    assert.ok(message.includes(part), `${part} not in: ${message}`);
  }
});

Deno.test("checkManifest() refuses values outside their range", () => {
  for (
    const bad of [
      { sampling: { k: 1 } },
      { train: { promptsPerStep: 1 } },
      { sampling: { topP: 0 } },
      { sampling: { temperature: 0 } },
      { evaluation: { temperature: -0.1 } },
      { optimizer: { beta2: 1 } },
      { optimizer: { learningRate: Infinity } },
      { arms: [] },
      { seed: 2 ** 32 },
      { train: { steps: 1.5 } },
      { prompt: { truncate: "content" } },
      { train: null },
      { train: 3 },
      [],
      null,
      "fixed",
    ]
  ) messageOf(bad);
});

Deno.test("checkManifest() refuses __proto__ and other inherited names as keys", () => {
  messageOf(JSON.parse('{"__proto__":{"seed":1}}'));
  messageOf({ constructor: 1 });
  messageOf({ train: { toString: 1 } });
});

Deno.test("parseManifest() names the file when it is not JSON", () => {
  assert.throws(() => parseManifest('{"seed": 1,}', "my.json"), (e) => {
    return e instanceof UsageError && e.message.startsWith('"my.json" is not JSON');
  });
});

Deno.test("loadManifest() names a file that is not there", () => {
  assert.throws(() => loadManifest("no-such.json"), (e) => {
    return e instanceof MissingError && e instanceof GraceError && e.message.includes('"no-such.json"');
  });
});

Deno.test("parseManifest() refuses a key that is there twice, of which JSON would keep the last", () => {
  assert.throws(
    () => parseManifest('{"train": {"steps": 10, "promptsPerStep": 4, "steps": 1000}}', "grace.json"),
    (error) =>
      error instanceof UsageError && error.message === 'grace.json: the key "train.steps" is there twice',
  );
});

Deno.test("parseManifest() reads what an editor has put a byte order mark before", () => {
  assert.deepEqual(parseManifest('\ufeff{"seed": 3}', "grace.json"), { seed: 3 });
});

Deno.test("checkManifest() refuses more steps than a checkpoint can be named after", () => {
  for (const section of ["train", "cl"]) {
    assert.match(
      messageOf({ [section]: { steps: 1_000_000 } }),
      /steps": Too big: expected number to be <=999999/,
    );
    checkManifest({ [section]: { steps: 999_999 } }, "grace.json");
  }
});
