import { assert } from "#test";
import { UsageError } from "#errors";
import { chooseModelFiles } from "./model_files.ts";
import { parseRepo } from "./repo.ts";

const CONTENT: Record<string, string> = {
  "modules.json": '[{"path":"","type":"t"},{"path":"1_Pooling"},{"path":"2_Dense"}]',
  // As protobuf writes where a tensor lies outside of the graph.
  "onnx/big.onnx": "weights \x0a\x08location\x12\x0dbig.onnx_data.",
};

function choose(paths: string[], text = "o/n", encoder = false): Promise<readonly string[]> {
  return chooseModelFiles(parseRepo(text), encoder)({
    name: text,
    paths,
    read: (path) => Promise.resolve(new TextEncoder().encode(CONTENT[path] ?? "{}")),
  });
}

const told = async (message: RegExp, cure: RegExp, ...args: Parameters<typeof choose>) => {
  const error = await choose(...args).then((files) => assert.fail(`chose ${files}`), (error) => error);
  assert.ok(error instanceof UsageError, String(error));
  assert.match(error.message, message);
  assert.match(error.cure, cure);
};

const HF = ["config.json", "tokenizer.json"], SENTENCE = [...HF, "modules.json", "1_Pooling/config.json"];
const DENSE = ["2_Dense/config.json", "2_Dense/model.safetensors"];

Deno.test("chooseModelFiles() takes the safetensors of a model for a backbone, whatever lies beside them", async () => {
  const paths = [...HF, "model.safetensors", "onnx/model.onnx", "q8.gguf", "pytorch_model.bin"];
  assert.deepEqual(await choose(paths), [...HF, "model.safetensors"]);
});

Deno.test("chooseModelFiles() takes the graph of a model of sentence-transformers, or of one that is asked for as an encoder", async () => {
  const rest = ["model.safetensors", "openvino/x.xml", "README.md"];
  const usual = await choose([...SENTENCE, ...DENSE, "onnx/model.onnx", "onnx/model_O3.onnx", ...rest]);
  assert.deepEqual(usual, ["onnx/model.onnx", ...SENTENCE, ...DENSE]);
  assert.deepEqual(await choose([...HF, "model.onnx"]), ["model.onnx", ...HF]);
  assert.deepEqual(await choose([...HF, "model.onnx", ...rest], "o/n", true), ["model.onnx", ...HF]);
});

Deno.test("chooseModelFiles() takes the file that is named, and the weights that a graph has outside", async () => {
  const paths = [...SENTENCE, "onnx/model.onnx", "onnx/big.onnx", "onnx/big.onnx_data", "a.gguf", "b.gguf"];
  assert.deepEqual(await choose(paths, "o/n/onnx/big.onnx"), [
    "onnx/big.onnx",
    "onnx/big.onnx_data",
    ...SENTENCE,
  ]);
  assert.deepEqual(await choose(paths, "o/n/b.gguf@v1"), ["b.gguf"]);
  await told(/weights .* in onnx\/big\.onnx_data/, /complete/, paths.toSpliced(6, 1), "o/n/onnx/big.onnx");
  await told(/has no c\.gguf/, /it has a\.gguf, b\.gguf/, paths, "o/n/c.gguf");
  await told(
    /has no onnx\/c\.onnx/,
    /its graphs: onnx\/model\.onnx, onnx\/big\.onnx/,
    paths,
    "o/n/onnx/c.onnx",
  );
});

Deno.test("chooseModelFiles() takes the only GGUF file, and tells how to name one of several", async () => {
  assert.deepEqual(await choose(["README.md", "q8.gguf"]), ["q8.gguf"]);
  await told(/2 GGUF files: a\.gguf, b\.gguf/, /pull o\/n\/a\.gguf@v1$/, ["a.gguf", "b.gguf"], "o/n@v1");
  await told(/split over files/, /whole/, ["m-00001-of-00002.gguf"]);
  await told(
    /several graphs: onnx\/a\.onnx, onnx\/b\.onnx/,
    /pull onnx:o\/n\/onnx\/a\.onnx$/,
    [...HF, "onnx/a.onnx", "onnx/b.onnx"],
  );
  await told(/no model\.safetensors/, /it holds README\.md/, [...HF, "README.md"].toReversed());
});
