import { assert } from "#test";
import { openGraceWorkload } from "../../fixtures/bench/grace_workload.ts";
import { createCpuDevice } from "../../kernels/cpu/mod.ts";
import { LoraAdapter } from "../backbone/lora.ts";
import type { LoraOptions } from "../backbone/lora_options.ts";
import { writeSafetensors } from "../backbone/safetensors_writer.ts";
import { openSafetensors } from "../backbone/safetensors.ts";
import { Weights } from "../backbone/weights.ts";
import { writeCheckpointAdapter, writeCheckpointWeights } from "../train/checkpoint.ts";
import { type AdapterCheckOptions, checkAdapter, firstUnlike } from "./adapter.ts";
import { Checking } from "./check.ts";
import { RunFiles } from "./run_files.ts";

const lora: LoraOptions = { rank: 3, alpha: 8, targets: ["q_proj", "down_proj"] };
const FILE = "adapter/adapter_model.safetensors", PREFIX = "base_model.model.model.layers.0.";

/** Writes a checkpoint of the embedded backbone with an adapter in it, and runs `body` on it. */
async function withCheckpoint(
  body: (bench: {
    /** Problems that the check tells. */
    problems: (changes?: Partial<AdapterCheckOptions>) => { what: string; notes: readonly string[] };
    /** Changes one tensor of a file, its name or its values. */
    edit: (
      file: string,
      name: string,
      change: (values: Float32Array<ArrayBuffer>) => void,
      to?: string,
    ) => Promise<void>;
    path: (file: string) => string;
  }) => Promise<void>,
): Promise<void> {
  const { backbone } = await openGraceWorkload(), device = createCpuDevice(), root = Deno.makeTempDirSync();
  const path = (file: string) => `${root}/step/${file}`;
  try {
    Deno.mkdirSync(path(""));
    Deno.writeTextFileSync(`${root}/grace.lock.json`, "{}");
    const adapter = new LoraAdapter(Weights.read(device, backbone.config, backbone.tensors), lora, 1);
    for (const [name, tensor] of adapter.tensors) {
      if (!name.includes("lora_B")) continue;
      const size = tensor.shape[0]! * tensor.shape[1]!;
      device.write(tensor, Float32Array.from({ length: size }, (_, i) => 0.1 * Math.sin(i + name.length)));
    }
    adapter.updated();
    await writeCheckpointWeights(path(""), adapter.weights);
    await writeCheckpointAdapter(path(""), backbone, adapter);
    adapter.free();
    await body({
      problems: (changes = {}) => {
        const it = new Checking(), files = RunFiles.open(root);
        const options = { files, lora, checkpoint: "step", weights: "model.safetensors", backbone };
        checkAdapter({ ...options, ...changes }, it);
        const what = it.problems.map(({ file, field, what }) =>
          [file, field, what ?? "shape"].filter((part) => part !== undefined).join(" ")
        );
        return { what: what.join("\n"), notes: it.notes };
      },
      edit: async (file, edited, change, to = edited) => {
        const source = openSafetensors([path(file)]);
        const tensors = source.names().map((name) => ({
          name: name === edited ? to : name,
          shape: source.shape(name),
          data: source.read(name),
        }));
        source.close();
        change(tensors.find(({ name }) => name === to)!.data);
        Deno.removeSync(path(file));
        await writeSafetensors(
          path(file),
          new Map(tensors.map(({ name, shape }) => [name, shape])),
          tensors,
          "f32",
        );
      },
      path,
    });
  } finally {
    Deno.removeSync(root, { recursive: true });
    backbone.close();
    device.dispose();
  }
}

Deno.test("checkAdapter() finds nothing where the weights have the adapter in them", () =>
  withCheckpoint(({ problems }) => {
    assert.deepEqual(problems(), { what: "", notes: [] });
    const { what, notes } = problems({ backbone: undefined });
    assert.equal(what, "");
    assert.match(notes.join(), /is not compared with the weights: the backbone is not here/);
    return Promise.resolve();
  }));

Deno.test("checkAdapter() finds an adapter that is not the one in the weights", async () => {
  const q = `${PREFIX}self_attn.q_proj.`,
    unlike = /model\.layers\.0\.self_attn\.q_proj\.weight is not the backb/;
  await withCheckpoint(async ({ problems, edit }) => {
    await edit(FILE, `${q}lora_B.weight`, (values) => values[7]! += 1e-3);
    assert.match(problems().what, unlike);
    assert.match(problems().what, /from row 2 on$/, "three numbers a row");
  });
  await withCheckpoint(async ({ problems, edit }) => {
    await edit(FILE, `${q}lora_A.weight`, (values) => values.fill(0));
    assert.match(problems().what, unlike);
  });
  await withCheckpoint(async ({ problems, edit }) => {
    await edit("model.safetensors", "model.layers.0.mlp.down_proj.weight", (values) => values[5] = NaN);
    assert.match(
      problems().what,
      /down_proj\.weight is not the backbone's with the adapter's product .* row 0 on/,
    );
  });
  await withCheckpoint(async ({ problems, edit }) => {
    await edit("model.safetensors", "model.norm.weight", (values) => values[5]! *= 1 + 2 ** -23);
    assert.match(problems().what, /model\.norm\.weight is not the backbone's, although it is not adapted/);
  });
});

Deno.test("checkAdapter() finds tensors, files and settings of another adapter", () =>
  withCheckpoint(async ({ problems, edit, path }) => {
    assert.match(problems({ lora: { ...lora, rank: 2 } }).what, /q_proj\.lora_A\.weight shape/);
    assert.match(
      problems({ lora: { ...lora, targets: ["q_proj"] } }).what,
      /down_proj\.lora_B\.weight is no tensor of the adapter/,
    );
    assert.match(
      problems({ lora: { ...lora, alpha: 9 } }).what,
      /adapter_config\.json is not what the manifest's section lora gives/,
    );
    assert.match(problems({ lora: { ...lora, rank: 0 } }).what, /is there, although all weights are trained/);
    const a = `${PREFIX}self_attn.q_proj.lora_A.weight`;
    await edit(FILE, a, () => {}, "other");
    assert.match(problems().what, /other is no tensor of the adapter\n.*lora_A\.weight shape$/);
    Deno.writeTextFileSync(path("adapter/README.md"), "");
    Deno.writeTextFileSync(path("adapter/adapter_config.json"), "null");
    assert.match(problems().what, /README\.md is no part of an adapter\n.*adapter_config\.json is not what/);
  }));

Deno.test("firstUnlike() takes what rounding leaves of a product for alike, whatever the sizes", () => {
  for (const [alpha, size] of [[1e-6, 1], [32, 1e-6], [32, 1e4]] as const) {
    const rank = 5, out = 9, into = 40, scale = alpha / rank;
    const values = (length: number, seed: number, by: number) =>
      Float32Array.from({ length }, (_, i) => by * Math.sin(seed + i * i));
    const a = values(rank * into, 1, 1), b = values(out * rank, 2, size), before = values(out * into, 3, 1);
    const after = before.map((value, at) => {
      for (let r = 0; r < rank; r++) {
        const scaled = Math.fround(Math.fround(scale) * b[Math.floor(at / into) * rank + r]!);
        value = Math.fround(value + Math.fround(scaled * a[r * into + at % into]!));
      }
      return value;
    });
    assert.equal(firstUnlike(before, after, { a, b }, { rank, alpha }), undefined);
    after[4 * into + 3]! += 1e-4 * Math.max(1, scale * size);
    assert.equal(firstUnlike(before, after, { a, b }, { rank, alpha }), 4);
  }
});
