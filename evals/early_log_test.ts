import { assert } from "#test";
import { UsageError } from "#errors";
import { EarlyLog, inTurn, type RecordForm } from "./early_log.ts";

const header = { schema: "test/1", model: "a" };
const numbers: RecordForm<number> = {
  write: (value) => ({ value }),
  read: (record) => (record as { value: number }).value,
};

function withFolder(use: (log: string, early: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    use(`${folder}/answers.jsonl`, `${folder}/answers.early.jsonl`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const isThere = (path: string) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
};

Deno.test("inTurn() stores results in the order of their requests, and makes no file where they come in order", () => {
  withFolder((log, path) => {
    using early = EarlyLog.open(log, header, numbers);
    const stored: [number, number][] = [];
    const turns = inTurn(["a", "b", "c"], early, (i, result) => stored.push([i, result]));
    assert.deepEqual(turns.open, [0, 1, 2]);
    turns.done(0, 10);
    assert.ok(!isThere(path));
    turns.done(2, 12);
    assert.ok(isThere(path));
    assert.deepEqual(stored, [[0, 10]]);
    turns.done(1, 11);
    assert.deepEqual(stored, [[0, 10], [1, 11], [2, 12]]);
    early.clear();
    assert.ok(!isThere(path));
  });
});

Deno.test("inTurn() takes what waited when the process died, and asks for the rest", () => {
  withFolder((log, path) => {
    {
      using early = EarlyLog.open(log, header, numbers);
      const { done } = inTurn(["a", "b", "c", "d"], early, () => {});
      done(3, 13);
      done(1, 11);
    }
    // Torn by the kill.
    Deno.writeTextFileSync(path, '{"key":"c","res', { append: true });
    using early = EarlyLog.open(log, header, numbers);
    const stored: number[] = [];
    const turns = inTurn(["a", "b", "c", "d"], early, (_, result) => stored.push(result));
    assert.deepEqual(turns.open, [0, 2]);
    turns.done(2, 12);
    assert.deepEqual(stored, []);
    turns.done(0, 10);
    assert.deepEqual(stored, [10, 11, 12, 13]);
    early.clear();
    assert.equal(early.get("b"), undefined);
  });
});

Deno.test("EarlyLog.open() refuses results of another model, and what is not such a file", () => {
  withFolder((log, path) => {
    {
      using early = EarlyLog.open(log, header, numbers);
      early.put("a", 1);
    }
    assert.throws(() => EarlyLog.open(log, { ...header, model: "b" }, numbers), UsageError);
    Deno.writeTextFileSync(path, "no JSON\n{}\n");
    assert.throws(() => EarlyLog.open(log, header, numbers), UsageError);
  });
});
