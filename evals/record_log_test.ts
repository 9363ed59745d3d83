import { assert } from "#test";
import { UsageError } from "#errors";
import { continueLog, openLog, openRecords, readLog } from "./record_log.ts";

const header = { schema: "test/1", model: "a" };

/** Gives `use` a log with two records; that it leaves no file open, Deno's sanitizer of resources checks. */
function logTest(name: string, use: (path: string) => void): void {
  const fn = () => {
    const folder = Deno.makeTempDirSync(), path = `${folder}/log.jsonl`;
    try {
      const { writer } = openLog(path, header);
      for (const n of [1, 2]) writer.append({ n });
      writer[Symbol.dispose]();
      use(path);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
  Deno.test({ name, sanitizeResources: true, fn });
}

logTest("openLog() gives the records of a log that has its header, and appends behind them", (path) => {
  Deno.writeTextFileSync(path, '{"n":3', { append: true });
  const { writer, records } = openLog(path, header);
  assert.deepEqual(records, [{ n: 1 }, { n: 2 }]);
  writer.append({ n: 4 });
  writer[Symbol.dispose]();
  assert.deepEqual(readLog(path, "test/1"), { header, records: [{ n: 1 }, { n: 2 }, { n: 4 }] });
});

logTest("openLog() refuses the log of another model, and leaves no file open", (path) => {
  assert.throws(
    () => openLog(path, { ...header, model: "b" }),
    (error) => error instanceof UsageError && /its model is "a", this run's is "b"/.test(error.message),
  );
});

logTest("continueLog() leaves no file open when who takes the records fails", (path) => {
  const taken: unknown[] = [];
  assert.throws(() =>
    continueLog(path, header, (record) => {
      taken.push(record);
      throw new Error("enough");
    }), /enough/);
  assert.deepEqual(taken, [{ n: 1 }]);
});

logTest("openRecords() refuses a log of another schema, and leaves no file open", (path) => {
  assert.throws(() => openRecords(path, "test/2"), UsageError);
});
