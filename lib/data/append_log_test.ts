import { assert } from "#test";
import { UsageError } from "#errors";
import { AppendLog, readLog } from "./append_log.ts";

type Entry = { n: number; text?: string };
const header = { schema: "test/1", digest: "d1" };

async function withPath(use: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(`${folder}/log.jsonl`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function write(path: string, entries: readonly Entry[]): Promise<void> {
  const { log } = await AppendLog.open<Entry>(path, header);
  await log.append(entries);
  log.close();
}

Deno.test("AppendLog.open() continues after the last complete record when killed at any byte", async () => {
  await withPath(async (path) => {
    await write(path, [{ n: 1, text: "é\n" }, { n: 2 }]);
    const whole = await Deno.readFile(path);
    for (let cut = 0; cut <= whole.length; cut++) {
      await Deno.writeFile(path, whole.subarray(0, cut));
      const { log, records, tornBytes } = await AppendLog.open<Entry>(path, header);
      await log.append([{ n: 9 }]);
      log.close();
      const complete = new TextDecoder().decode(whole.subarray(0, cut)).split("\n").length - 1;
      assert.equal(records.length, Math.max(0, complete - 1), `cut at ${cut}`);
      assert.equal(tornBytes > 0, cut > 0 && whole[cut - 1] !== 10, `cut at ${cut}`);
      const after = await readLog<Entry>(path);
      assert.deepEqual(after.records, [...records, { n: 9 }]);
      assert.deepEqual(after.header, header);
    }
  });
});

Deno.test("AppendLog.open() refuses records of another digest", async () => {
  await withPath(async (path) => {
    await write(path, [{ n: 1 }]);
    await assert.rejects(
      AppendLog.open(path, { ...header, digest: "d2" }),
      (error) => error instanceof UsageError && /its digest is "d1", this run's is "d2"/.test(error.message),
    );
  });
});

Deno.test("AppendLog.open() refuses a damaged line that is not the last", async () => {
  await withPath(async (path) => {
    await write(path, [{ n: 1 }]);
    await Deno.writeTextFile(path, '{"n":\n{"n":3}\n', { append: true });
    await assert.rejects(
      AppendLog.open(path, header),
      (error) => error instanceof UsageError && /line 3 is damaged/.test(error.message),
    );
  });
});

Deno.test("AppendLog.truncate() keeps the first records and appends after them", async () => {
  await withPath(async (path) => {
    await write(path, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    const { log } = await AppendLog.open<Entry>(path, header);
    await log.truncate(1);
    await log.append([{ n: 4 }]);
    log.close();
    assert.deepEqual((await readLog<Entry>(path)).records, [{ n: 1 }, { n: 4 }]);
  });
});
