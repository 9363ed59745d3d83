import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { readJsonl, readLines } from "./jsonl.ts";
import { sha256Hex } from "../manifest/hash.ts";

async function withFile(
  name: string,
  content: Uint8Array,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/${name}`, content);
    await use(`${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const utf8 = (text: string) => new TextEncoder().encode(text);

async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function collect(path: string) {
  const rows: { line: number; value: unknown }[] = [];
  const file = await readJsonl(path, (row) => void rows.push(row), { label: "x/test.jsonl" });
  return { rows, file };
}

Deno.test("readJsonl() splits on line feeds only", async () => {
  const odd = "a\u2028b\u2029c\u0085d\re";
  await withFile("a.jsonl", utf8(`{"text":"${odd.replace("\r", "\\r")}"}\n{"text":"2"}`), async (path) => {
    const { rows } = await collect(path);
    assert.deepEqual(rows, [{ line: 1, value: { text: odd } }, { line: 2, value: { text: "2" } }]);
  });
});

Deno.test("readJsonl() reads gzip and records the file as stored", async () => {
  const packed = await gzip('{"n":1}\n{"n":2}\n');
  await withFile("a.jsonl.gz", packed, async (path) => {
    const { rows, file } = await collect(path);
    assert.deepEqual(rows.map((row) => row.value), [{ n: 1 }, { n: 2 }]);
    assert.deepEqual(file, {
      path: "x/test.jsonl",
      bytes: packed.length,
      sha256: sha256Hex(packed),
      rows: 2,
    });
  });
});

Deno.test("readLines() keeps characters that cross a chunk border", async () => {
  const line = "é€😀".repeat(60_000);
  await withFile("a.txt", utf8(`${line}\n${line}`), async (path) => {
    const lines: string[] = [];
    await readLines(path, (text) => void lines.push(text));
    assert.deepEqual(lines.map((text) => text === line), [true, true]);
  });
});

Deno.test("readJsonl() names file and line when a line is not a JSON object", async () => {
  for (const bad of ["{", "", "[1]", "null", '"text"']) {
    await withFile("a.jsonl", utf8(`{}\n${bad}\n{}\n`), async (path) => {
      await assert.rejects(
        collect(path),
        (error) => error instanceof UsageError && /"x\/test\.jsonl" line 2 /.test(error.message),
      );
    });
  }
});

Deno.test("readJsonl() reports a file that is cut short or not UTF-8", async () => {
  const packed = await gzip('{"n":1}\n'.repeat(1000));
  await withFile("a.jsonl.gz", packed.subarray(0, packed.length - 12), async (path) => {
    await assert.rejects(
      collect(path),
      (error) => error instanceof UsageError && /damaged/.test(error.message),
    );
  });
  await withFile("a.jsonl", new Uint8Array([0x7b, 0xff, 0x7d]), async (path) => {
    await assert.rejects(
      collect(path),
      (error) => error instanceof UsageError && /damaged/.test(error.message),
    );
  });
});

Deno.test("readJsonl() throws MissingError when the file is not there", async () => {
  await assert.rejects(collect("/nowhere/a.jsonl"), MissingError);
});

Deno.test("readJsonl() tells a folder, and a byte order mark, from a damaged file", async () => {
  await withFile("a.jsonl", utf8('\ufeff{"text":"a"}\n'), async (path) => {
    await assert.rejects(collect(path), /"x\/test\.jsonl" begins with a byte order mark/);
    await assert.rejects(
      collect(path.replace(/\/[^/]*$/, "")),
      (error) =>
        error instanceof MissingError && /cannot read "x\/test\.jsonl": .*directory/i.test(error.message),
    );
  });
});
