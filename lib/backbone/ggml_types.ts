/**
 * The tensor types of ggml that can be read, and how their blocks become f32.
 *
 * A quantised row is a sequence of blocks of 32 weights that share an f16 scale d (and an f16 minimum m):
 * Q8_0 w = d·q with q in [−128, 127]; Q4_0 w = d·(q − 8) and Q4_1 w = d·q + m with q in [0, 15].
 * The low nibbles of a block are its first 16 weights, the high nibbles the other 16.
 *
 * @module
 */
import { bf16ToF32, f16ToF32 } from "../../kernels/half_floats.ts";

/** One readable type: weights per block, bytes per block, and the conversion of whole blocks. */
interface BlockType {
  readonly block: number;
  readonly bytes: number;
  /** Writes the weights of `data` (whole blocks, `data.byteLength / bytes` of them) to `out`. */
  readonly decode: (data: DataView<ArrayBuffer>, out: Float32Array) => void;
}

/** Types that can be read, by ggml's name. */
export const GGML_TYPES = {
  F32: { block: 1, bytes: 4, decode: decodeF32 },
  F16: { block: 1, bytes: 2, decode: decodeF16 },
  BF16: { block: 1, bytes: 2, decode: decodeBf16 },
  Q4_0: { block: 32, bytes: 18, decode: decodeQ4_0 },
  Q4_1: { block: 32, bytes: 20, decode: decodeQ4_1 },
  Q8_0: { block: 32, bytes: 34, decode: decodeQ8_0 },
} as const satisfies Record<string, BlockType>;

/** Name of a readable type. */
export type GgmlType = keyof typeof GGML_TYPES;

/** ggml's numbers of types, readable or not, so that an error can name what a file holds. */
export const GGML_TYPE_NAMES: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  8: "Q8_0",
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  14: "Q6_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  30: "BF16",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

function decodeF32(data: DataView<ArrayBuffer>, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = data.getFloat32(4 * i, true);
}

function decodeF16(data: DataView<ArrayBuffer>, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = f16ToF32(data.getUint16(2 * i, true));
}

function decodeBf16(data: DataView<ArrayBuffer>, out: Float32Array): void {
  bf16ToF32(new Uint16Array(data.buffer, data.byteOffset, out.length), out);
}

function decodeQ8_0(data: DataView<ArrayBuffer>, out: Float32Array): void {
  for (let at = 0, o = 0; o < out.length; at += 34, o += 32) {
    const d = f16ToF32(data.getUint16(at, true));
    for (let i = 0; i < 32; i++) out[o + i] = d * data.getInt8(at + 2 + i);
  }
}

function decodeQ4_0(data: DataView<ArrayBuffer>, out: Float32Array): void {
  for (let at = 0, o = 0; o < out.length; at += 18, o += 32) {
    const d = f16ToF32(data.getUint16(at, true));
    for (let i = 0; i < 16; i++) {
      const pair = data.getUint8(at + 2 + i);
      out[o + i] = d * ((pair & 15) - 8);
      out[o + 16 + i] = d * ((pair >> 4) - 8);
    }
  }
}

function decodeQ4_1(data: DataView<ArrayBuffer>, out: Float32Array): void {
  for (let at = 0, o = 0; o < out.length; at += 20, o += 32) {
    const d = f16ToF32(data.getUint16(at, true)), m = f16ToF32(data.getUint16(at + 2, true));
    for (let i = 0; i < 16; i++) {
      const pair = data.getUint8(at + 4 + i);
      // d and m are f16 and q has 4 bits, so products and sums are exact in float64: one rounding, as in ggml.
      out[o + i] = d * (pair & 15) + m;
      out[o + 16 + i] = d * (pair >> 4) + m;
    }
  }
}
