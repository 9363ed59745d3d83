import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { journalRecords, keepLines, readJournal, truncateJournalAfter } from "./read.ts";

function withFile(content: string, fn: (path: string) => void): void {
  const path = Deno.makeTempFileSync({ suffix: ".jsonl" });
  try {
    Deno.writeTextFileSync(path, content);
    fn(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("readJournal() ignores an unfinished last line", () => {
  withFile('{"step":1}\n{"step":2', (path) => assert.deepEqual(readJournal(path), [{ step: 1 }]));
});

Deno.test("readJournal() names the file and the line when a complete line is not an object", () => {
  for (const bad of ["{]", "3", "null", "[]", ""]) {
    withFile(`{"step":1}\n${bad}\n{"step":2}\n`, (path) => {
      assert.throws(
        () => readJournal(path),
        (e) => e instanceof UsageError && e.message.startsWith(`${path}:2: `),
      );
    });
  }
});

Deno.test("readJournal() fails when there is no such file", () => {
  assert.throws(() => readJournal("no-such.jsonl"), MissingError);
});

Deno.test("keepLines() cuts a journal after its first lines", () => {
  const lines = ['{"t":"é"}\n', '{"k":1}\n', '{"k":2}\n'];
  for (const count of [0, 1, 2, 3]) {
    withFile(lines.join("") + "torn", (path) => {
      keepLines(path, count);
      assert.equal(Deno.readTextFileSync(path), lines.slice(0, count).join(""));
    });
  }
});

Deno.test("truncateJournalAfter() keeps exactly the records up to the step", () => {
  const lines = ['{"step":1,"t":"é"}\n', '{"step":2}\n', '{"step":2,"k":1}\n', '{"step":4}\n'];
  for (const [step, kept] of [[-Infinity, 0], [0, 0], [1, 1], [2, 3], [3, 3], [4, 4], [9, 4]] as const) {
    withFile(lines.join(""), (path) => {
      assert.deepEqual(truncateJournalAfter(path, step), { kept, dropped: 4 - kept, tornBytes: 0 });
      assert.equal(Deno.readTextFileSync(path), lines.slice(0, kept).join(""));
    });
  }
});

Deno.test("truncateJournalAfter() removes a torn line and counts its bytes", () => {
  withFile('{"step":1}\n{"st', (path) => {
    assert.deepEqual(truncateJournalAfter(path, 5), { kept: 1, dropped: 0, tornBytes: 4 });
    assert.equal(Deno.readTextFileSync(path), '{"step":1}\n');
  });
});

Deno.test("truncateJournalAfter() leaves the file alone when steps are missing or decrease", () => {
  for (
    const content of [
      '{"step":2}\n{"step":1}\n',
      '{"step":1}\n{"loss":1}\n',
      '{"step":1.5}\n',
      '{"step":"1"}\n',
    ]
  ) {
    withFile(content, (path) => {
      assert.throws(() => truncateJournalAfter(path, 0), UsageError);
      assert.equal(Deno.readTextFileSync(path), content);
    });
  }
});

Deno.test("truncateJournalAfter() treats a missing journal as empty", () => {
  assert.deepEqual(truncateJournalAfter("no-such.jsonl", 3), { kept: 0, dropped: 0, tornBytes: 0 });
});

Deno.test("journalRecords() gives whole records wherever the borders of its reads fall", async () => {
  const path = await Deno.makeTempFile();
  try {
    // Longer than a read, as long as one with its newline, then many that lie across borders; two bytes a letter.
    const lengths = [3 << 20, (1 << 20) - 9, ...Array.from({ length: 40 }, (_, i) => 70_001 + i)];
    const records = lengths.map((length, i) => ({ i, t: "é".repeat(length / 2) }));
    await Deno.writeTextFile(
      path,
      records.map((record) => JSON.stringify(record) + "\n").join("") + '{"torn',
    );
    assert.deepEqual([...journalRecords(path)], records);
    // Whoever has seen enough leaves no file open.
    for (const record of journalRecords(path)) {
      assert.equal(record["i"], 0);
      break;
    }
  } finally {
    await Deno.remove(path);
  }
});
