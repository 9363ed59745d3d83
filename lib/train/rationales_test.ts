import { assert } from "#test";
import { UsageError } from "#errors";
import { modelFolder } from "../../fixtures/golden/models/read.ts";
import { openBackbone } from "../backbone/open.ts";
import { tokenizerEos } from "./rationales.ts";

Deno.test("tokenizerEos() is the tokenizer's own token, wherever generation_config.json lists it", async () => {
  const backbone = await openBackbone(modelFolder("llama-tied"));
  try {
    const own = backbone.tokenizer.tokenToId(backbone.chatTemplate.specialTokens.eos_token!)!;
    const reversed = [...backbone.eosIds].reverse();
    assert.equal(reversed.length, 2);
    for (const eosIds of [backbone.eosIds, reversed, [own + 100]]) {
      assert.equal(tokenizerEos({ ...backbone, eosIds }, "tokenizer"), own);
    }
  } finally {
    backbone.close();
  }
});

Deno.test("tokenizerEos() fails where the tokenizer has none and the length penalty asks for it", async () => {
  const backbone = await openBackbone(modelFolder("llama-tied"));
  try {
    const chatTemplate = Object.assign(Object.create(Object.getPrototypeOf(backbone.chatTemplate)), {
      specialTokens: {},
    });
    assert.throws(() => tokenizerEos({ ...backbone, chatTemplate }, "tokenizer"), UsageError);
    assert.equal(tokenizerEos({ ...backbone, chatTemplate }, "all"), backbone.eosIds[0]);
  } finally {
    backbone.close();
  }
});
