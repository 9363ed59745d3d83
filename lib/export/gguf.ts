/**
 * A model as one GGUF file for llama.cpp, in F32: every weight bit for bit. The file is read back before it counts, and is written
 * only if what comes out is the same model.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isDeepStrictEqual } from "node:util";
import { UsageError } from "#errors";
import type { DecoderConfig } from "../backbone/config.ts";
import { ggufTensorName, hfRow, ROPE_FACTORS } from "../backbone/gguf_names.ts";
import { writeGgufFile } from "../backbone/gguf_writer.ts";
import { type Backbone, openBackbone } from "../backbone/open.ts";
import { llama3FrequencyFactors } from "../backbone/rope_scaling.ts";
import type { NamedTensor } from "../backbone/safetensors_writer.ts";
import { expectedTensors } from "../backbone/tensor_source.ts";
import { tensorsOf } from "../backbone/write.ts";
import { ggufMetadata } from "./gguf_metadata.ts";

/** Name of the file of a model: what llama.cpp's own converter would call it. */
export function ggufName(model: string): string {
  return `${model.replace(/[^\w.-]+/g, "-")}-f32.gguf`;
}

const CURE = "export it as hf, which keeps it as it is";

/**
 * Writes a model.
 *
 * @param path file to make, ending in `.gguf`
 * @param name what the model is called
 * @throws {UsageError} if GGUF cannot say what the model is: its tokenizer, its RoPE, its ends of generation
 */
export async function writeGguf(path: string, model: Backbone, name: string): Promise<void> {
  const { config } = model, factors = ropeFactors(config);
  const shapes = new Map([...expectedTensors(config)].map(([name, shape]) => [ggufTensorName(name), shape]));
  if (factors) shapes.set(ROPE_FACTORS, [factors.length]);
  writeGgufFile(path, ggufMetadata(model, name), shapes, ggufTensors(model, factors));
  const again = await openBackbone(path);
  try {
    requireSame(model, again);
  } finally {
    again.close();
  }
}

/** What of Llama 3's scaling a reader of GGUF takes for granted, because all published models have it. */
const PUBLISHED = { lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 8192 };

/** Divisors of the rotary frequencies, which is how llama.cpp stores the scaling of Llama 3. */
function ropeFactors({ ropeScaling, headDim, ropeTheta }: DecoderConfig): Float32Array | null {
  if (ropeScaling === null) return null;
  if (!isDeepStrictEqual({ ...ropeScaling, ...PUBLISHED }, ropeScaling)) {
    throw new UsageError(
      `the model's RoPE scaling ${
        JSON.stringify(ropeScaling)
      } is not that of Llama 3, the one that GGUF can say`,
      CURE,
    );
  }
  return Float32Array.from(llama3FrequencyFactors(ropeScaling, headDim, ropeTheta));
}

function* ggufTensors({ config, tensors }: Backbone, factors: Float32Array | null): Generator<NamedTensor> {
  for (const { name, shape, data } of tensorsOf(tensors, config)) {
    const isPermuted = config.architecture === "llama" && /\.self_attn\.[qk]_proj\.weight$/.test(name);
    yield {
      name: ggufTensorName(name),
      shape,
      data: isPermuted ? permuted(data, shape, config.headDim) : data,
    };
  }
  if (factors) yield { name: ROPE_FACTORS, shape: [factors.length], data: factors };
}

/** The rows of a projection in llama.cpp's order, [heads * headDim, hidden]. */
function permuted(data: Float32Array, [rows, width]: readonly number[], headDim: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows!; row++) {
    const from = hfRow(row, headDim) * width!;
    out.set(data.subarray(from, from + width!), row * width!);
  }
  return out;
}

/** Texts that a tokenizer that was converted wrongly would cut otherwise. */
const PROBES: readonly string[] = [
  "The river rose 12345 metres, didn't it?",
  "  two  spaces\n\n\tand lines \n",
  "漢字かな café E\u0301 🙂👩‍👩‍👧 ΟΔΥΣΣΕΥΣ",
  "x1=y**2;//{[()]}--__''\"\"",
];

/**
 * Fails unless the file gives the same model back: shape, weights to the last bit, ids of texts, template, ends.
 *
 * @throws {UsageError} naming what GGUF does not keep
 */
function requireSame(model: Backbone, again: Backbone): void {
  const refuse = (what: string) => {
    throw new UsageError(`GGUF does not keep ${what} of this model`, CURE);
  };
  if (!isDeepStrictEqual(again.config, model.config)) refuse("the shape");
  if (again.chatTemplate.source !== model.chatTemplate.source) refuse("the chat template");
  if (again.bosId !== model.bosId || again.eosIds.join() !== model.eosIds.join()) {
    refuse("the ends of generation");
  }
  const special = Array.from({ length: model.tokenizer.vocabSize }, (_, id) => id).filter((id) =>
    model.tokenizer.isSpecial(id)
  );
  const texts = [...PROBES, special.map((id) => model.tokenizer.idToToken(id)).join("a ")];
  for (const text of texts) {
    if (again.tokenizer.encode(text).join() !== model.tokenizer.encode(text).join()) {
      refuse(`the tokens of ${JSON.stringify(text.slice(0, 60))}`);
    }
  }
  for (const name of expectedTensors(model.config).keys()) {
    const [a, b] = [model.tensors.read(name), again.tensors.read(name)].map(({ buffer }) =>
      new Uint8Array(buffer)
    );
    if (Buffer.compare(a!, b!) !== 0) throw new Error(`"${name}" comes back from GGUF with other bits`);
  }
}
