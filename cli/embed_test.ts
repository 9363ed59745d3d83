import { assert, assertClose } from "#test";
import { Lab } from "./_lab.ts";
import { launch } from "./_launch.ts";

interface Line {
  readonly text?: string;
  readonly rationale: string | null;
  readonly embedding: number[];
}

const linesOf = (stdout: string): Line[] => stdout.trimEnd().split("\n").map((line) => JSON.parse(line));

Deno.test("embed gives one line for each text, in order, whatever was embedded with it", async () => {
  using lab = await Lab.create();
  const args = ["embed", "--manifest", lab.manifest(), "--json"];
  // More than decode together, of very different lengths: they do not finish in their order.
  const texts = Array.from({ length: 60 }, (_, i) => `text ${i}${" of many words".repeat(i % 4)}`);
  const input = texts.map((text) => JSON.stringify({ text, id: 7 }) + "\n").join("");
  const { code, stdout, stderr } = await launch([...args, "--input", "-", "--with-text"], { stdin: input });
  assert.equal(code, 0, stderr);
  const lines = linesOf(stdout);
  assert.deepEqual(lines.map(({ text }) => text), texts);
  for (const { rationale, embedding } of lines) {
    assert.equal(typeof rationale, "string");
    assert.equal(embedding.length, 64);
    assertClose([Math.hypot(...embedding)], [1], 1e-6, "norm");
  }
  const alone = linesOf((await launch([...args, texts[23]!])).stdout);
  assert.deepEqual(alone, [{ rationale: lines[23]!.rationale, embedding: lines[23]!.embedding }]);
});

Deno.test("embed --no-rationale writes none, and embeds otherwise", async () => {
  using lab = await Lab.create();
  const args = ["embed", "--manifest", lab.manifest(), "--json", "a cat", "a cat", "a dog"];
  const [cat, twin, dog] = linesOf((await launch([...args, "--no-rationale"])).stdout);
  assert.equal(cat!.rationale, null);
  assert.deepEqual(twin, cat);
  assert.notDeepEqual(dog!.embedding, cat!.embedding);
  const [withRationale] = linesOf((await launch(args)).stdout);
  assert.notDeepEqual(withRationale!.embedding, cat!.embedding);
});

Deno.test("embed counts on stderr what was cut off, and prints nothing there that is a result", async () => {
  using lab = await Lab.create();
  const args = ["embed", "--manifest", lab.manifest({ prompt: { promptTokens: 40 } })];
  const { code, stdout, stderr } = await launch([...args, "short", "long ".repeat(200)]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^1 of 2 texts lost their end: prompt\.promptTokens is 40$/m);
  assert.match(stderr, /^\d of 2 rationales were cut off: evaluation\.maxNewTokens is 6$/m);
  assert.match(stdout, /^\[1\]\nrationale: .*\nembedding: 64 dimensions, norm 1\.0000, begins /);
  const short = await launch([...args, "short", "--no-rationale"]);
  assert.doesNotMatch(short.stderr, /lost|cut/);
});

Deno.test("embed --json lists every rationale where evaluation writes several a text", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({ evaluation: { maxNewTokens: 6, samplesPerText: 3 } });
  const { code, stdout, stderr } = await launch(["embed", "--manifest", manifest, "--json", "a cat"]);
  assert.equal(code, 0, stderr);
  const { rationale, rationales } = JSON.parse(stdout);
  assert.equal(rationales.length, 3);
  assert.equal(rationale, rationales[0]);
  assert.match(stderr, /^\d of 3 rationales were cut off/m);
});

Deno.test("embed lets no control character of a rationale reach a terminal", async () => {
  using lab = await Lab.create();
  const texts = Array.from({ length: 30 }, (_, i) => `text ${i}`);
  const { code, stdout } = await launch(["embed", "--manifest", lab.manifest(), ...texts]);
  assert.equal(code, 0);
  // deno-lint-ignore no-control-regex -- control characters are what this is about
  assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});
