/**
 * Adapters as PEFT stores them: `adapter_config.json` and `adapter_model.safetensors`, for `PeftModel.from_pretrained` of Python.
 *
 * @module
 */
import { join } from "node:path";
import { UsageError } from "#errors";
import { writeFileAtomic } from "../journal/atomic.ts";
import { adapterTensors, type LoraAdapter } from "./lora.ts";
import type { LoraOptions } from "./lora_options.ts";
import { shapesOf } from "./named_tensors.ts";
import { openSafetensors } from "./safetensors.ts";
import { type NamedTensor, writeSafetensors } from "./safetensors_writer.ts";
import type { TensorSource } from "./tensor_source.ts";

/** Names of the files. */
export const ADAPTER_FILES = { config: "adapter_config.json", tensors: "adapter_model.safetensors" } as const;

/** Name of an adapter's tensor in the file: PEFT puts this before the names of a causal language model's. */
export function storedName(name: string): string {
  return `base_model.model.${name}`;
}

/**
 * Text of `adapter_config.json`.
 *
 * @param base name of the model that it adapts
 */
export function adapterConfigText({ rank, alpha, targets }: LoraOptions, base: string): string {
  const config = {
    base_model_name_or_path: base,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    lora_alpha: alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: "LORA",
    r: rank,
    target_modules: [...targets],
    task_type: "CAUSAL_LM",
    use_rslora: false,
  };
  return JSON.stringify(config, null, 2) + "\n";
}

/** Writes both files, in f32, into a folder that it makes. */
export async function writeAdapter(folder: string, adapter: LoraAdapter, base: string): Promise<void> {
  Deno.mkdirSync(folder);
  const { device, tensors, options } = adapter;
  const stored = async function* (): AsyncGenerator<NamedTensor> {
    for (const [name, tensor] of tensors) {
      yield { name: storedName(name), shape: tensor.shape, data: await device.read(tensor) };
    }
  };
  const shapes = new Map([...shapesOf(tensors)].map(([name, shape]) => [storedName(name), shape]));
  await writeSafetensors(join(folder, ADAPTER_FILES.tensors), shapes, stored(), "f32");
  writeFileAtomic(join(folder, ADAPTER_FILES.config), adapterConfigText(options, base));
}

/**
 * Loads an adapter that {@linkcode writeAdapter} wrote over one of the same shape.
 *
 * @throws {UsageError} if it has other tensors
 */
export function readAdapter(folder: string, adapter: LoraAdapter): void {
  const source = openAdapter(folder);
  try {
    const wanted = adapterTensors(adapter.base.config, adapter.options);
    for (const [name, shape] of wanted) {
      if (source.shape(storedName(name)).join() === shape.join()) continue;
      throw new UsageError(
        `the adapter in "${folder}" has no ${name} of shape [${shape}]`,
        "remove the checkpoint, to resume from an earlier one",
      );
    }
    for (const [name, tensor] of adapter.tensors) adapter.device.write(tensor, source.read(storedName(name)));
  } finally {
    source.close();
  }
  adapter.updated();
}

/** The tensors of an adapter, under PEFT's names; to be closed by the caller. */
export function openAdapter(folder: string): TensorSource {
  return openSafetensors([join(folder, ADAPTER_FILES.tensors)]);
}
