import { assert } from "#test";
import type { JsonObject } from "../backbone/json.ts";
import { modulesWith } from "./_tiny.ts";
import { parseModules } from "./modules.ts";

const pooling = { word_embedding_dimension: 4 };
const dense = {
  in_features: 4,
  out_features: 2,
  bias: false,
  activation_function: "torch.nn.modules.linear.Identity",
};

function parse(steps: string[], configs: Record<string, JsonObject>) {
  const configOf = (path: string) => configs[path] ?? assert.fail(`nothing was to be read from ${path}`);
  return parseModules(modulesWith(steps), configOf, "modules.json");
}

Deno.test("parseModules() reads the names of sentence-transformers 4 and 6", () => {
  const six = { embedding_dimension: 4, pooling_mode: ["cls", "mean"], include_prompt: false };
  const four = {
    word_embedding_dimension: 4,
    pooling_mode_cls_token: true,
    pooling_mode_mean_tokens: true,
    include_prompt: false,
  };
  const expected = {
    wordDimension: 4,
    pooling: { modes: ["cls", "mean"], includePrompt: false },
    steps: [{ kind: "normalize" }],
  };
  assert.deepEqual(parse(["Normalize"], { "1_Pooling": six }), expected);
  assert.deepEqual(parse(["Normalize"], { "1_Pooling": four }), expected);
  assert.deepEqual(parse([], { "1_Pooling": { ...six, pooling_mode: "max" } }).pooling.modes, ["max"]);
});

Deno.test("parseModules() pools by the mean where nothing is said, as sentence-transformers does", () => {
  assert.deepEqual(parse([], { "1_Pooling": pooling }).pooling, { modes: ["mean"], includePrompt: true });
});

Deno.test("parseModules() refuses modules and options that it does not know", () => {
  const cases: [string[], Record<string, JsonObject>, RegExp][] = [
    [["CNN"], { "1_Pooling": pooling }, /has a module "CNN"/],
    [[], { "1_Pooling": { ...pooling, pooling_mode_median_tokens: true } }, /pooling_mode_median_tokens/],
    [[], { "1_Pooling": { ...pooling, pooling_mode: "median" } }, /pools by "median"/],
    [[], { "1_Pooling": { ...pooling, pooling_mode_mean_tokens: false } }, /pools by \[\]/],
    [
      ["Dense"],
      { "1_Pooling": pooling, "2_Dense": { ...dense, activation_function: "torch.nn.GELU" } },
      /GELU/,
    ],
    [["Dense"], { "1_Pooling": pooling, "2_Dense": { ...dense, in_features: 8 } }, /takes 8 features, .* 4/],
    [
      ["Dense", "Dense"],
      { "1_Pooling": pooling, "2_Dense": dense, "3_Dense": dense },
      /takes 4 features, .* gives 2/,
    ],
  ];
  for (const [steps, configs, message] of cases) assert.throws(() => parse(steps, configs), message);
});

Deno.test("parseModules() refuses a model's own modules, folders outside of it, and lists without pooling", () => {
  const one = (type: string, path = "") => ({ idx: 0, name: "0", path, type });
  const refuse = (list: unknown, message: RegExp) =>
    assert.throws(() => parseModules(list, () => pooling, "modules.json"), message);
  refuse([one("custom_st.Transformer")], /"custom_st\.Transformer"/);
  refuse([one("sentence_transformers.models.Transformer", "../other")], /"\.\.\/other"/);
  refuse([one("sentence_transformers.models.Transformer", "..")], /"\.\."/);
  refuse([one("sentence_transformers.models.Transformer")], /has the modules Transformer/);
  refuse([], /has the modules none/);
  refuse("Transformer", /has the modules none/);
});
