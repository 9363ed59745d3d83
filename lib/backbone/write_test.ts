import { assert, assertSameBits, testWith } from "#test";
import { UsageError } from "#errors";
import { bf16ToF32, f32ToBf16 } from "../../kernels/half_floats.ts";
import { GOLDEN } from "./_golden.ts";
import { openBackbone } from "./open.ts";
import type { StoredDtype } from "./safetensors_writer.ts";
import { hfFolderFrame, tensorsOf, writeHfFolder } from "./write.ts";

/** Opens a golden backbone, writes it to a new folder, hands over that folder, and removes it. */
async function rewritten(
  name: string,
  dtype: StoredDtype,
  use: (folder: string) => void | Promise<void>,
): Promise<void> {
  const parent = Deno.makeTempDirSync();
  const backbone = await openBackbone(`${GOLDEN}/${name}`);
  try {
    const tensors = tensorsOf(backbone.tensors, backbone.config);
    await writeHfFolder(`${parent}/copy`, { ...hfFolderFrame(backbone), tensors, dtype });
    await use(`${parent}/copy`);
  } finally {
    backbone.close();
    Deno.removeSync(parent, { recursive: true });
  }
}

const rounded = (values: Float32Array) => {
  const out = new Float32Array(values.length);
  bf16ToF32(f32ToBf16(values), out);
  return out;
};

for (const name of ["llama", "qwen2", "qwen3", "llama.gguf"]) {
  for (const dtype of ["f32", "bf16"] as const) {
    Deno.test(`writeHfFolder() in ${dtype} makes a folder that openBackbone() reads back as ${name}`, () =>
      rewritten(name, dtype, async (folder) => {
        const original = await openBackbone(`${GOLDEN}/${name}`), copy = await openBackbone(folder);
        assert.deepEqual(copy.config, original.config);
        assert.deepEqual([copy.eosIds, copy.bosId], [original.eosIds, original.bosId]);
        assert.equal(copy.chatTemplate.source, original.chatTemplate.source);
        assert.deepEqual(copy.chatTemplate.specialTokens, original.chatTemplate.specialTokens);
        const text = "The 123 <|im_start|>user\n naïve 👍";
        assert.deepEqual(copy.tokenizer.encode(text), original.tokenizer.encode(text));
        for (const tensor of copy.tensors.names()) {
          const values = original.tensors.read(tensor);
          assertSameBits(copy.tensors.read(tensor), dtype === "f32" ? values : rounded(values), tensor);
        }
        copy.close();
        original.close();
      }));
  }
}

Deno.test("writeHfFolder() leaves an existing folder alone", () =>
  rewritten("qwen2", "f32", async (folder) => {
    const backbone = await openBackbone(folder);
    const content = { ...hfFolderFrame(backbone), tensors: [], dtype: "f32" } as const;
    await assert.rejects(writeHfFolder(folder, content), UsageError);
    backbone.close();
  }));

Deno.test("writeHfFolder() leaves nothing behind when a tensor is missing, repeated, unknown or misshapen", () =>
  rewritten("qwen2", "f32", async (folder) => {
    const backbone = await openBackbone(folder);
    const all = [...tensorsOf(backbone.tensors, backbone.config)];
    const wrong = [
      all.slice(1),
      [...all, all[0]!],
      [...all, { name: "lm_head.weight", shape: [1], data: new Float32Array(1) }],
      all.map((tensor) => ({ ...tensor, data: tensor.data.subarray(1) })),
    ];
    for (const tensors of wrong) {
      const path = `${folder}-wrong`;
      const content = { ...hfFolderFrame(backbone), tensors, dtype: "f32" } as const;
      await assert.rejects(writeHfFolder(path, content), /was never given|written before|among|has shape/);
    }
    assert.deepEqual([...Deno.readDirSync(`${folder}/..`)].map((entry) => entry.name), ["copy"]);
    backbone.close();
  }));

/** Asks the original library, where it is installed, what it makes of the folders. */
const python = `${Deno.env.get("HOME")}/.cache/grace-repro-peers/bin/python3`;
const TEXT = "It's 123 naïve <|im_end|>\n answering";
const SCRIPT = `
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer
seen = []
for folder in sys.argv[2:]:
  model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
  tokenizer = AutoTokenizer.from_pretrained(folder)
  chat = [{"role": "user", "content": sys.argv[1]}]
  seen.append({
    "keys": sorted(k for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for k in info[kind]),
    "dtype": str(model.dtype), "eos": model.generation_config.eos_token_id,
    "norm": model.model.norm.weight.float().tolist(),
    "theta": model.config.rope_parameters["rope_theta"], "rope": model.config.rope_parameters["rope_type"],
    "chat": tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True),
    "ids": tokenizer(sys.argv[1], add_special_tokens=False)["input_ids"]})
print(json.dumps(seen))
`;
testWith(
  python,
  "writeHfFolder() makes folders that transformers loads",
  () =>
    rewritten(
      "llama.gguf",
      "bf16",
      (llama) =>
        rewritten("qwen2", "bf16", (qwen2) =>
          rewritten("qwen3", "bf16", async (qwen3) => {
            const folders = [llama, qwen2, qwen3];
            const command = new Deno.Command(python, { args: ["-c", SCRIPT, TEXT, ...folders] });
            const { stdout, stderr, success } = await command.output();
            assert.ok(success, new TextDecoder().decode(stderr));
            const seen = JSON.parse(new TextDecoder().decode(stdout));
            for (const [i, folder] of folders.entries()) {
              const backbone = await openBackbone(folder);
              const { config, tokenizer, chatTemplate, tensors, eosIds } = backbone;
              // llama.gguf prints the date, which is today's in transformers.
              const chat = folder === llama
                ? seen[i].chat
                : chatTemplate.render([{ role: "user", content: TEXT }]);
              assert.deepEqual(seen[i], {
                keys: [],
                dtype: "torch.bfloat16",
                eos: eosIds,
                norm: [...tensors.read("model.norm.weight")],
                theta: config.ropeTheta,
                rope: config.ropeScaling?.type ?? "default",
                chat,
                ids: tokenizer.encode(TEXT),
              });
              backbone.close();
            }
          })),
    ),
);
