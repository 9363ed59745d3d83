import { assert } from "#test";
import { NumericError, UsageError } from "#errors";
import fc from "fast-check";
import { JournalWriter } from "./append.ts";
import { readJournal } from "./read.ts";

function inTempDir(fn: (dir: string) => void): void {
  const dir = Deno.makeTempDirSync();
  try {
    fn(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

function write(path: string, ...records: Record<string, unknown>[]): void {
  using journal = JournalWriter.open(path, { fsync: false });
  for (const record of records) journal.append(record);
}

Deno.test("JournalWriter writes one line per record and appends when opened again", () => {
  inTempDir((dir) => {
    const path = `${dir}/steps.jsonl`;
    write(path, { step: 1, text: "a\nb\u2028" });
    write(path, { step: 2, x: 0.1 });
    assert.equal(Deno.readTextFileSync(path), '{"step":1,"text":"a\\nb\u2028"}\n{"step":2,"x":0.1}\n');
    assert.deepEqual(readJournal(path), [{ step: 1, text: "a\nb\u2028" }, { step: 2, x: 0.1 }]);
  });
});

Deno.test("JournalWriter removes and reports a line torn at any byte", () => {
  inTempDir((dir) => {
    const path = `${dir}/steps.jsonl`;
    const first = '{"step":1}\n', second = '{"step":2,"text":"é"}\n';
    const bytes = new TextEncoder().encode(first + second);
    for (let cut = first.length; cut < bytes.length; cut++) {
      Deno.writeFileSync(path, bytes.subarray(0, cut));
      using journal = JournalWriter.open(path, { fsync: false });
      assert.equal(journal.recovered?.bytes, cut === first.length ? undefined : cut - first.length);
      journal.append({ step: 2, text: "é" });
      assert.deepEqual(Deno.readFileSync(path), bytes);
    }
  });
});

Deno.test("JournalWriter finds the last newline when the torn line is longer than a read", () => {
  inTempDir((dir) => {
    for (const size of [65_535, 65_536, 65_537, 200_000]) {
      const path = `${dir}/${size}.jsonl`;
      Deno.writeTextFileSync(path, '{"step":1}\n' + "x".repeat(size));
      using journal = JournalWriter.open(path, { fsync: false });
      assert.deepEqual(journal.recovered, { bytes: size, text: "x".repeat(200) });
      assert.equal(Deno.readTextFileSync(path), '{"step":1}\n');
    }
    Deno.writeTextFileSync(`${dir}/only.jsonl`, "x".repeat(70_000));
    using journal = JournalWriter.open(`${dir}/only.jsonl`, { fsync: true });
    assert.equal(journal.recovered?.bytes, 70_000);
    assert.equal(Deno.statSync(`${dir}/only.jsonl`).size, 0);
  });
});

Deno.test("JournalWriter.append() writes nothing when a value has no JSON text", () => {
  inTempDir((dir) => {
    const path = `${dir}/steps.jsonl`;
    using journal = JournalWriter.open(path, { fsync: false });
    assert.throws(() => journal.append({ loss: { kl: NaN } }), (e) => {
      return e instanceof NumericError && e.message.includes('"loss.kl" is NaN');
    });
    assert.throws(() => journal.append({ x: [1, Infinity] }), NumericError);
    assert.throws(() => journal.append({ x: undefined }), UsageError);
    assert.throws(() => journal.append({ x: new Float32Array(2) }), UsageError);
    assert.equal(Deno.statSync(path).size, 0);
  });
});

Deno.test("readJournal() returns what was appended for any records", () => {
  inTempDir((dir) => {
    let i = 0;
    const record = fc.dictionary(
      fc.string({ unit: "binary" }).filter((k) => k !== "__proto__"),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.array(record, { maxLength: 8 }), (records) => {
        const path = `${dir}/${i++}.jsonl`;
        write(path, ...records);
        assert.deepEqual(readJournal(path), records.map((r) => JSON.parse(JSON.stringify(r))));
      }),
      { numRuns: 100 },
    );
  });
});
