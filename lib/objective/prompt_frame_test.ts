import { UsageError } from "#errors";
import { assert } from "#test";
import { promptFrame, systemPrefixLength } from "./prompt_frame.ts";

/** A tokenizer for tests: special tokens in angle brackets, otherwise one token per character. */
const encode = (text: string) => [...text.matchAll(/<\|[^|]*\|>|[\s\S]/g)].map(([piece]) => hash(piece));
const hash = (piece: string) => [...piece].reduce((h, c) => (Math.imul(h, 31) + c.codePointAt(0)!) >>> 0, 7);
const chatml = (text: string) => `<|s|>system\nRead.<|e|>\n<|s|>user\n${text}<|e|>\n<|s|>assistant\n`;

Deno.test("promptFrame() counts the tokens before and after the user's text", () => {
  // "<|s|>" + "system\nRead." + "<|e|>\n<|s|>" + "user\n"; then "<|e|>\n<|s|>" + "assistant\n"
  assert.deepEqual(promptFrame(chatml, encode), { prefix: 1 + 12 + 3 + 5, suffix: 3 + 10 });
});

Deno.test("systemPrefixLength() is the index of the first content token of any text", () => {
  const prefix = systemPrefixLength(chatml, encode);
  const text = "Zebras graze.";
  assert.deepEqual(encode(chatml(text)).slice(prefix, prefix + text.length), encode(text));
  assert.deepEqual(encode(chatml(text)).slice(0, prefix), encode(chatml("other")).slice(0, prefix));
});

Deno.test("systemPrefixLength() refuses a template that changes the user's text", () => {
  assert.throws(() => systemPrefixLength((text) => chatml(text.toUpperCase()), encode), UsageError);
});

Deno.test("systemPrefixLength() refuses a tokenizer that merges the text with the template", () => {
  // The newline before the text and its first letter become one token.
  const merging = (text: string) =>
    [...text.matchAll(/\n[a-z]|<\|[^|]*\|>|[\s\S]/g)].map(([piece]) => hash(piece));
  assert.throws(() => systemPrefixLength(chatml, merging), UsageError);
});

Deno.test("systemPrefixLength() refuses a template without a system prompt instead of returning 0", () => {
  assert.throws(() => systemPrefixLength((text) => `${text}<|e|>`, encode), /no token before/);
});

Deno.test("promptFrame() refuses a template that varies, when only the first dummy fits", () => {
  let calls = 0;
  assert.throws(
    () => promptFrame((text) => `<|s|>day ${calls++}\n${text}<|e|>`, encode),
    /different tokens around/,
  );
  const trailing = (text: string) => `<|s|>user\n${text}${text.length}<|e|>`;
  assert.throws(() => promptFrame(trailing, encode), /different tokens around/);
});

Deno.test("promptFrame() refuses a tokenizer that gives no tokens", () => {
  assert.throws(() => promptFrame(chatml, () => []), UsageError);
});
