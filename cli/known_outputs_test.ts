import { join } from "node:path";
import { assert } from "#test";
import { exampleLock } from "../lib/manifest/_example_lock.ts";
import { type Lock, lockText } from "../lib/manifest/lock.ts";
import { KnownOutputs } from "./known_outputs.ts";

/** Makes a run of one arm in a temporary folder, which is removed afterwards. */
function withRun(test: (folder: string, known: KnownOutputs, lock: Lock) => void): void {
  const root = Deno.makeTempDirSync(), lock = exampleLock(), arm = join(root, "run/scores/base");
  try {
    Deno.mkdirSync(arm, { recursive: true });
    Deno.writeTextFileSync(join(root, "run/grace.lock.json"), lockText(lock));
    Deno.writeTextFileSync(join(arm, "rationales.jsonl"), '{"encoder":"e"}\n{"text":"t"}\n');
    Deno.writeTextFileSync(join(arm, "embeddings.f32"), "1234");
    Deno.writeTextFileSync(join(arm, "generations.jsonl"), '{"generator":"g"}\n');
    const known = new KnownOutputs();
    known.add(join(root, "run"));
    test(join(root, "to"), known, lock);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("KnownOutputs copies what the same models returned over the same inputs", () => {
  withRun((to, known, lock) => {
    known.takeOver(to, lock, "e", "g");
    assert.deepEqual(namesIn(to), ["embeddings.f32", "generations.jsonl", "rationales.jsonl"]);
    assert.equal(Deno.readTextFileSync(join(to, "rationales.jsonl")), '{"encoder":"e"}\n{"text":"t"}\n');
  });
});

Deno.test("KnownOutputs copies nothing of another model, or over other inputs", () => {
  withRun((to, known, lock) => {
    Deno.mkdirSync(to);
    known.takeOver(to, lock, "other", "other");
    const inputs = { ...lock.inputs, "data/mini/train.jsonl.gz": { sha256: "0".repeat(64), bytes: 4 } };
    known.takeOver(to, { ...lock, inputs }, "e", "g");
    assert.deepEqual(namesIn(to), []);
    known.takeOver(to, lock, "other", "g");
    assert.deepEqual(
      namesIn(to),
      ["generations.jsonl"],
      "answers belong to weights, embeddings to a reading of them",
    );
  });
});

Deno.test("KnownOutputs leaves alone what a folder has already", () => {
  withRun((to, known, lock) => {
    Deno.mkdirSync(to);
    Deno.writeTextFileSync(join(to, "rationales.jsonl"), "begun");
    known.takeOver(to, lock, "e", "g");
    assert.deepEqual(namesIn(to), ["generations.jsonl", "rationales.jsonl"]);
    assert.equal(Deno.readTextFileSync(join(to, "rationales.jsonl")), "begun");
  });
});
