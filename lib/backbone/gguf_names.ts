/**
 * llama.cpp's names of weights and Hugging Face's.
 *
 * @module
 */

const OUTSIDE_LAYERS: Readonly<Record<string, string>> = {
  "token_embd.weight": "model.embed_tokens.weight",
  "output_norm.weight": "model.norm.weight",
  "output.weight": "lm_head.weight",
};

const IN_LAYER: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** Tensor of llama.cpp that is not a weight: the divisors of the rotary frequencies. */
export const ROPE_FACTORS = "rope_freqs.weight";

/**
 * The Hugging Face name of a tensor. One that is unknown keeps its own name (inside a layer, as
 * `model.layers.N.<name>`), so that the check for unexpected tensors sees it.
 */
export function hfTensorName(ggufName: string): string {
  if (Object.hasOwn(OUTSIDE_LAYERS, ggufName)) return OUTSIDE_LAYERS[ggufName]!;
  const match = /^blk\.(\d+)\.(.+)$/.exec(ggufName);
  if (!match) return ggufName;
  const [, layer, rest] = match;
  const [, module, kind] = /^(.+)\.(weight|bias)$/.exec(rest!) ?? [];
  const known = module !== undefined && Object.hasOwn(IN_LAYER, module)
    ? `${IN_LAYER[module]}.${kind}`
    : rest;
  return `model.layers.${layer}.${known}`;
}

/**
 * llama.cpp stores the rows of Llama's query and key projections so that the two numbers that RoPE rotates together are
 * neighbours; Hugging Face keeps them half a head apart. Row r of the file is row `hfRow(r, headDim)` of Hugging Face.
 */
export function hfRow(ggufRow: number, headDim: number): number {
  const inHead = ggufRow % headDim;
  return ggufRow - inHead + (inHead % 2) * (headDim / 2) + (inHead >> 1);
}

/**
 * llama.cpp's name of a tensor: what {@linkcode hfTensorName} is the way back from.
 *
 * @throws {Error} for a name that no decoder of ours has: a defect of the caller
 */
export function ggufTensorName(name: string): string {
  const outside = Object.entries(OUTSIDE_LAYERS).find(([, hf]) => hf === name)?.[0];
  if (outside !== undefined) return outside;
  const [, layer, module, kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
  const inLayer = Object.entries(IN_LAYER).find(([, hf]) => hf === module)?.[0];
  if (inLayer === undefined) throw new Error(`"${name}" is the name of no tensor of a decoder`);
  return `blk.${layer}.${inLayer}.${kind}`;
}
