import { assert } from "#test";
import fc from "fast-check";
import { nfc } from "./nfc.ts";
import { Tokenizer } from "./tokenizer.ts";

Deno.test("nfc() composes and reorders what Unicode 9 does", () => {
  assert.equal(nfc("e\u0323\u0302 \u1112\u1161\u11ab \u212b"), "\u1ec7 \ud55c \u00c5");
});

Deno.test("nfc() neither composes nor reorders what only later versions do", () => {
  // Dives Akuru O = E + AA (Unicode 13); U+1DF6 has class 232 (Unicode 10), U+0325 has 220.
  for (const text of ["\u{11935}\u{11930}", "\u{11938}", "o\u1df6\u0325"]) assert.equal(nfc(text), text);
  assert.notEqual("o\u1df6\u0325".normalize("NFC"), "o\u1df6\u0325");
});

Deno.test("nfc() is NFC for texts of Unicode 9", () => {
  const unicode9 = fc.string({
    unit: fc.integer({ min: 0, max: 0x7bf }).map((c) => String.fromCodePoint(c)),
  });
  fc.assert(fc.property(unicode9, (text) => assert.equal(nfc(text), text.normalize("NFC"))));
});

Deno.test("Tokenizer normalises as nfc() does, beside characters of any plane", async () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(byte));
  const json = {
    normalizer: { type: "NFC" },
    model: { type: "BPE", vocab: {} as Record<string, number>, merges: [] },
  };
  // Without a pre-tokenizer, each character is a token.
  const characters = [
    "\u{10000}",
    "\u{103ff}",
    "\u{105d2}",
    "\u0307",
    "e",
    "\u0301",
    "\u00e9",
    "\u1df6",
    "\u0325",
  ];
  [...bytes, ...characters].forEach((token) =>
    json.model.vocab[token] ??= Object.keys(json.model.vocab).length
  );
  const tokenizer = await Tokenizer.create(json, {}, "t.json");
  const text = "\u{10000}\u{105d2}\u0307\u{103ff}e\u0301\u1df6\u0325\u1df6";
  const names = tokenizer.encode(text).map((id) => tokenizer.idToToken(id));
  assert.deepEqual(names, [...nfc(text)]);
});
