import { assert } from "#test";
import type { JsonObject } from "../backbone/json.ts";
import { tokenFrame } from "./special_tokens.ts";

const frame = (step: JsonObject | null) => tokenFrame({ post_processor: step }, "tokenizer.json");
const at = (id: number, type = 0) => ({ id, type });
const text = { Sequence: { id: "A", type_id: 0 } };
const special = (id: string, type = 0) => ({ SpecialToken: { id, type_id: type } });
const tokens = {
  "<s>": { id: "<s>", ids: [5], tokens: ["<s>"] },
  "</s>": { id: "</s>", ids: [6, 7], tokens: [] },
};

Deno.test("tokenFrame() reads what every post-processor puts around a text", () => {
  const template = {
    type: "TemplateProcessing",
    single: [special("<s>"), text, special("</s>", 1)],
    special_tokens: tokens,
  };
  const byName = { sep: ["</s>", 2], cls: ["<s>", 0] };
  const around = { before: [at(0)], after: [at(2)], type: 0 };
  assert.deepEqual(frame(template), { before: [at(5)], after: [at(6, 1), at(7, 1)], type: 0 });
  assert.deepEqual(frame({ type: "BertProcessing", ...byName }), around);
  assert.deepEqual(frame({ type: "RobertaProcessing", ...byName, trim_offsets: true }), around);
  const sequence = {
    type: "Sequence",
    processors: [{ type: "ByteLevel" }, { type: "BertProcessing", ...byName }],
  };
  assert.deepEqual(frame(sequence), around);
  assert.deepEqual(frame({ type: "ByteLevel" }), { before: [], after: [], type: 0 });
  assert.deepEqual(frame(null), { before: [], after: [], type: 0 });
});

Deno.test("tokenFrame() refuses what it does not know", () => {
  const template = (single: unknown) => ({ type: "TemplateProcessing", single, special_tokens: tokens });
  const cases: [JsonObject, RegExp][] = [
    [{ type: "Unheard" }, /type is "Unheard"/],
    [{ type: "BertProcessing", cls: "<s>" }, /cls is "<s>"/],
    [template([special("<unk>"), text]), /single is/],
    [template([text, text]), /single is/],
    [template([special("<s>")]), /single is/],
    [template(null), /single is/],
    [{ type: "Sequence", processors: [template([text]), template([text])] }, /processors is/],
  ];
  for (const [step, message] of cases) assert.throws(() => frame(step), message);
});
