import fc from "fast-check";
import { assert } from "#test";
import { UsageError } from "#errors";
import { modelFolder } from "../../fixtures/golden/models/read.ts";
import { type Backbone, openBackbone } from "../backbone/open.ts";
import { Prompter, type PromptOptions } from "./prompt.ts";

const settings: PromptOptions = { system: "Read it.", dateString: "2024-07-26", promptTokens: 60 };

/** Registers a test on a golden model's tokenizer and chat template. */
function promptTest(name: string, body: (backbone: Backbone) => void): void {
  Deno.test(name, async () => {
    const backbone = await openBackbone(modelFolder("llama"));
    try {
      body(backbone);
    } finally {
      backbone.close();
    }
  });
}

const text =
  "The river rose 12 metres in a night, and the town was cut off for a week; no one had seen it coming. ";

promptTest(
  "Prompter.render() puts the system message, the text and the opening of the answer in the template",
  (b) => {
    assert.equal(
      new Prompter(b, settings).render("Hi!"),
      "<|im_start|>system\nRead it.<|im_end|>\n<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\n",
    );
  },
);

promptTest("Prompter.prompt() has the text's own tokens between prefix and suffix", (b) => {
  const prompter = new Prompter(b, settings), { prefix, suffix } = prompter.frame;
  for (const content of ["Hi!", "a", " two words ", "naïve 🙂"]) {
    const { ids, truncated, content: kept } = prompter.prompt(content);
    assert.deepEqual([...ids.slice(prefix, ids.length - suffix)], b.tokenizer.encode(content));
    assert.deepEqual([truncated, kept], [false, content]);
  }
});

promptTest("Prompter.frame counts the tokens up to the first of the text, and those behind it", (b) => {
  const { prefix, suffix } = new Prompter(b, settings).frame;
  const before = "<|im_start|>system\nRead it.<|im_end|>\n<|im_start|>user\n";
  const after = "<|im_end|>\n<|im_start|>assistant\n";
  assert.deepEqual([prefix, suffix], [b.tokenizer.encode(before).length, b.tokenizer.encode(after).length]);
});

promptTest("Prompter.prompt() cuts the text, never the template, at every limit", (b) => {
  const { frame } = new Prompter(b, settings), around = frame.prefix + frame.suffix;
  const [first, last] = [
    "<|im_start|>system\nRead it.<|im_end|>\n<|im_start|>user\n",
    "<|im_end|>\n<|im_start|>assistant\n",
  ]
    .map((part) => b.tokenizer.encode(part));
  const whole = new Prompter(b, { ...settings, promptTokens: 500 }).prompt(text).ids.length;
  for (let promptTokens = around + 1; promptTokens <= whole + 1; promptTokens++) {
    const { ids, content, truncated } = new Prompter(b, { ...settings, promptTokens }).prompt(text);
    assert.ok(ids.length <= promptTokens, `${ids.length} tokens at a limit of ${promptTokens}`);
    assert.ok(
      ids.length >= Math.min(promptTokens, whole) - 1,
      `only ${ids.length} of ${promptTokens} tokens used`,
    );
    assert.equal(truncated, promptTokens < whole);
    assert.deepEqual([...ids.slice(0, frame.prefix)], first);
    assert.deepEqual([...ids.slice(ids.length - frame.suffix)], last);
    assert.ok(text.startsWith(content) && content.length > 0);
    assert.equal(content === text, !truncated);
  }
});

promptTest("Prompter.prompt() keeps the limit and the template for any text", (b) => {
  const prompter = new Prompter(b, settings), { prefix, suffix } = prompter.frame;
  const reference = prompter.prompt("x").ids;
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }), (any) => {
      fc.pre(any.trim() !== "");
      const { ids, content, truncated } = prompter.prompt(any);
      assert.ok(ids.length <= settings.promptTokens);
      assert.deepEqual(ids.slice(0, prefix), reference.slice(0, prefix));
      assert.deepEqual(ids.slice(ids.length - suffix), reference.slice(reference.length - suffix));
      assert.ok(any.startsWith(content));
      assert.equal(truncated, content !== any);
    }),
    { seed: 1, numRuns: 200 },
  );
});

promptTest("Prompter.prompt() cuts no character in half", (b) => {
  // Tokens of this model are bytes here: a limit can fall inside a character of four bytes.
  for (let promptTokens = 34; promptTokens < 44; promptTokens++) {
    const prompter = new Prompter(b, { ...settings, promptTokens });
    const { content } = prompter.prompt("🙂🚀".repeat(9));
    assert.match(content, /^(🙂|🚀)+$/u);
  }
});

promptTest("Prompter.prompt() refuses a text without content", (b) => {
  const prompter = new Prompter(b, settings);
  for (const empty of ["", " ", "\n\t "]) {
    assert.throws(() => prompter.prompt(empty), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /empty text/);
      return true;
    });
  }
});

promptTest("Prompter.prompt() refuses a text of which no beginning fits", (b) => {
  const { prefix, suffix } = new Prompter(b, settings).frame;
  const prompter = new Prompter(b, { ...settings, promptTokens: prefix + suffix + 1 });
  assert.throws(() => prompter.prompt("🙂".repeat(5)), /no beginning of the text fits into \d+ tokens/);
});

promptTest("Prompter refuses a limit that leaves no room, or that the backbone does not have", (b) => {
  const { prefix, suffix } = new Prompter(b, settings).frame;
  const make = (promptTokens: number) => () => new Prompter(b, { ...settings, promptTokens });
  assert.throws(make(prefix + suffix), /the prompt's template has 30 tokens, the limit is 30/);
  assert.throws(make(513), /promptTokens is 513, the backbone has 512 positions/);
  make(512)();
});
