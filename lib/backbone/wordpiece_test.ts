import { assert } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import type { JsonObject } from "./json.ts";
import { Tokenizer } from "./tokenizer.ts";

interface Characters {
  special: string[];
  texts: string[];
  cases: { options: JsonObject; characters: string; ids: number[][] }[];
}

const { special, texts, cases } = golden<Characters>("onnx_encoder/characters.json");

for (const { options, characters, ids } of cases) {
  const { clean_text: clean, handle_chinese_chars: ideographs, strip_accents: strip, lowercase } = options;
  const name =
    `clean_text ${clean}, ideographs ${ideographs}, strip_accents ${strip}, lowercase ${lowercase}`;
  Deno.test(`Tokenizer splits unusual characters into the words of the Python library with ${name}`, async () => {
    const tokens = [...special, ...[...characters].flatMap((character) => [character, `##${character}`])];
    const json = {
      model: {
        type: "WordPiece",
        unk_token: "[UNK]",
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      },
      normalizer: options,
      pre_tokenizer: { type: "BertPreTokenizer" },
      added_tokens: special.map((content, id) => ({ id, content, special: true, normalized: false })),
    };
    const tokenizer = await Tokenizer.create(json, {}, "tokenizer.json");
    for (const [i, text] of texts.entries()) {
      assert.deepEqual(tokenizer.encode(text), ids[i], JSON.stringify(text));
    }
  });
}

Deno.test("Tokenizer.create() refuses a WordPiece model without its unknown token", async () => {
  const model = { type: "WordPiece", unk_token: "[UNK]", vocab: { a: 0 } };
  await assert.rejects(Tokenizer.create({ model }, {}, "x.json"), /x\.json: model: unk_token is "\[UNK\]"/);
});
