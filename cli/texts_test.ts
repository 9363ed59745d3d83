import { MissingError, UsageError } from "#errors";
import { assert } from "#test";
import { readTexts } from "./texts.ts";

const { signal } = new AbortController();

async function readFile(content: string): Promise<string[]> {
  const path = Deno.makeTempFileSync({ suffix: ".jsonl" });
  try {
    Deno.writeTextFileSync(path, content);
    return await readTexts([], path, signal);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("readTexts() gives the arguments when there is no input file", async () => {
  assert.deepEqual(await readTexts(["a", "b c"], undefined, signal), ["a", "b c"]);
});

Deno.test("readTexts() gives the text of each line when there is an input file", async () => {
  assert.deepEqual(await readFile('{"text":"a","id":1}\n{"text":"b"}\n'), ["a", "b"]);
});

Deno.test("readTexts() names file and line when a line has no text", async () => {
  await assert.rejects(readFile('{"text":"a"}\n{"txt":"b"}\n'), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /\.jsonl" line 2 has no string "text"$/);
    return true;
  });
  await assert.rejects(readFile('{"text":"a"}\n{"text":7}\n'), UsageError);
  await assert.rejects(readFile('{"text":"a"}\n\n{"text":"b"}\n'), /line 2/);
});

Deno.test("readTexts() refuses blank texts, no texts, and texts from two places", async () => {
  await assert.rejects(readTexts(["a", " \n"], undefined, signal), /text 2 is blank/);
  await assert.rejects(readFile('{"text":" "}\n'), /line 1 is blank/);
  await assert.rejects(readTexts([], undefined, signal), /no text given/);
  await assert.rejects(readFile(""), /holds no text/);
  await assert.rejects(readTexts(["a"], "b.jsonl", signal), /both texts and --input "b.jsonl"/);
});

Deno.test("readTexts() says which file is missing", async () => {
  await assert.rejects(readTexts([], "/nowhere/a.jsonl", signal), MissingError);
});
