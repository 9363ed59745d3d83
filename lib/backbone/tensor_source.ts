/**
 * Where weights come from, seen by the decoder: named tensors that are read one at a time as f32.
 *
 * @module
 */
import { UsageError } from "#errors";
import { type HalfType, isHalf } from "../../kernels/element_type.ts";
import type { DecoderConfig } from "./config.ts";

/** Named tensors of one checkpoint, under the names and in the layout of Hugging Face (a linear map is [out, in]). */
export interface TensorSource {
  /** Names of all tensors, in file order. */
  names(): string[];
  /** Shape, outermost dimension first. */
  shape(name: string): readonly number[];
  /** Storage type as the file calls it, such as "BF16" or "Q4_1". */
  dtype(name: string): string;
  /** The values in row-major order, widened to f32; a fresh array, owned by the caller. */
  read(name: string): Float32Array<ArrayBuffer>;
  /** Closes the files behind it. */
  close(): void;
}

/** Names and shapes of all weights of a decoder, in the order in which a forward pass uses them. */
export function expectedTensors(config: DecoderConfig): Map<string, readonly number[]> {
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize, vocabSize } = config;
  const queries = heads * headDim, keys = kvHeads * headDim;
  const tensors = new Map<string, readonly number[]>([["model.embed_tokens.weight", [
    vocabSize,
    hiddenSize,
  ]]]);
  for (let layer = 0; layer < config.layers; layer++) {
    const add = (name: string, ...shape: number[]) => tensors.set(`model.layers.${layer}.${name}`, shape);
    add("input_layernorm.weight", hiddenSize);
    add("self_attn.q_proj.weight", queries, hiddenSize);
    add("self_attn.k_proj.weight", keys, hiddenSize);
    add("self_attn.v_proj.weight", keys, hiddenSize);
    if (config.qkvBias) {
      add("self_attn.q_proj.bias", queries);
      add("self_attn.k_proj.bias", keys);
      add("self_attn.v_proj.bias", keys);
    }
    if (config.qkNorm) {
      add("self_attn.q_norm.weight", headDim);
      add("self_attn.k_norm.weight", headDim);
    }
    add("self_attn.o_proj.weight", hiddenSize, queries);
    add("post_attention_layernorm.weight", hiddenSize);
    add("mlp.gate_proj.weight", intermediateSize, hiddenSize);
    add("mlp.up_proj.weight", intermediateSize, hiddenSize);
    add("mlp.down_proj.weight", hiddenSize, intermediateSize);
  }
  tensors.set("model.norm.weight", [hiddenSize]);
  if (!config.tiedEmbeddings) tensors.set("lm_head.weight", [vocabSize, hiddenSize]);
  return tensors;
}

/** The 16 bits in which a weight of this shape and storage type may stay, where an engine reads such; null otherwise. */
export function keptAs(shape: readonly number[], dtype: string): HalfType | null {
  const stored = dtype.toLowerCase();
  return shape.length === 2 && isHalf(stored) ? stored : null;
}

/** Old checkpoints store the rotary frequencies, which are computed from the config here. */
const HARMLESS_IN_LAYER = /\.self_attn\.rotary_emb\.inv_freq$/;

/**
 * Checks that a checkpoint holds every weight of the decoder in the right shape.
 *
 * A tensor inside a layer that the decoder would not use (a bias, a norm, one layer more) means that the decoder
 * is not that model, so it is an error; anything else unexpected is left to the caller to report.
 *
 * @returns names of tensors that are not used
 * @throws {UsageError} naming the first few offenders
 */
export function checkTensors(source: TensorSource, config: DecoderConfig, origin: string): string[] {
  const expected = expectedTensors(config);
  const present = source.names();
  const have = new Set(present);
  const missing = [...expected.keys()].filter((name) => !have.has(name));
  refuseSome(missing, origin, "is missing", "download the checkpoint again, with all its files");
  const misshapen = [...expected].filter(([name, shape]) => source.shape(name).join() !== shape.join())
    .map(([name, shape]) => `${name} [${source.shape(name)}] instead of [${shape}]`);
  refuseSome(misshapen, origin, "has the wrong shape for", "use the config that belongs to these weights");
  const unused = present.filter((name) => !expected.has(name));
  const foreign = unused.filter((name) => name.startsWith("model.layers.") && !HARMLESS_IN_LAYER.test(name));
  const cure = `use a checkpoint that is a plain ${config.architecture} model`;
  refuseSome(foreign, origin, "holds layer weights that the architecture does not use:", cure);
  return unused;
}

/** Throws when the list is not empty, naming its first three entries. */
function refuseSome(list: readonly string[], origin: string, what: string, cure: string): void {
  if (list.length === 0) return;
  const more = list.length > 3 ? ` and ${list.length - 3} more` : "";
  throw new UsageError(`${origin} ${what} ${list.slice(0, 3).join(", ")}${more}`, cure);
}
