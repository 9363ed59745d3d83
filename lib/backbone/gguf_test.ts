import { assert, assertClose, testWith } from "#test";
import fc from "fast-check";
import { GraceError, UsageError } from "#errors";
import { GOLDEN, golden, hashOf, largestAllocation, SMOLLM2, withFile } from "./_golden.ts";
import { openGguf } from "./gguf.ts";
import { checkTensors } from "./tensor_source.ts";

type Tensors = Record<string, { shape: number[]; sha256: string }>;
const PATH = `${GOLDEN}/llama.gguf`;
const expected = golden<{ tensors: Tensors }>("llama.gguf.json").tensors;

Deno.test("openGguf() dequantises every type to the bits of the gguf library, in the layout of Hugging Face", () => {
  const { tensors, config } = openGguf(PATH);
  const types = new Set<string>();
  for (const [name, { shape, sha256 }] of Object.entries(expected)) {
    assert.deepEqual(tensors.shape(name), shape);
    assert.equal(hashOf(tensors.read(name)), sha256, `${name} (${tensors.dtype(name)})`);
    types.add(tensors.dtype(name));
  }
  assert.deepEqual([...types].sort(), ["BF16", "F16", "F32", "Q4_0", "Q4_1", "Q8_0"]);
  assert.deepEqual(checkTensors(tensors, config, PATH), []);
  tensors.close();
});

Deno.test("openGguf() reads the decoder from metadata, and Llama 3's RoPE scaling from its tensor", () => {
  const { config, tensors } = openGguf(PATH);
  tensors.close();
  assert.deepEqual(config, {
    architecture: "llama",
    hiddenSize: 32,
    layers: 1,
    heads: 2,
    kvHeads: 1,
    headDim: 8,
    intermediateSize: 64,
    vocabSize: expected["model.embed_tokens.weight"]!.shape[0],
    rmsNormEps: 1e-5,
    ropeTheta: 500000,
    ropeScaling: {
      type: "llama3",
      factor: 32,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositions: 8192,
    },
    tiedEmbeddings: false,
    qkvBias: false,
    qkNorm: false,
    maxPositions: 256,
  });
});

testWith(SMOLLM2, "openGguf() gives the weights that transformers gives for SmolLM2", (path) => {
  const { tensors, config } = openGguf(path);
  assert.deepEqual(checkTensors(tensors, config, path), []);
  const rows = golden<{ tensors: Record<string, { shape: number[]; first: number[]; sha256: string }> }>(
    "smollm2.json",
  );
  for (const [name, { shape, first, sha256 }] of Object.entries(rows.tensors)) {
    const values = tensors.read(name);
    assert.deepEqual(tensors.shape(name), shape);
    assertClose(values.subarray(0, first.length), first, 0, name);
    assert.equal(hashOf(values), sha256, name);
  }
  tensors.close();
});

const original = Deno.readFileSync(PATH).slice();

/** The golden file with the bytes behind the first occurrence of a text replaced. */
function patch(text: string, skip: number, bytes: number[], source = original): Uint8Array {
  const at = indexOf(source, new TextEncoder().encode(text)) + text.length + skip;
  const copy = source.slice();
  copy.set(bytes, at);
  return copy;
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let i = 0; i + part.length <= bytes.length; i++) {
    if (part.every((byte, j) => bytes[i + j] === byte)) return i;
  }
  throw new Error("the text is not in the file");
}

const put = (at: number, ...bytes: number[]) => {
  const copy = original.slice();
  copy.set(bytes, at);
  return copy;
};
const MANY = [0, 0, 0, 0, 0, 1, 0, 0];
// A tensor's description: name, u32 rank, u64 per dimension, u32 type, u64 offset.
const damaged: [string, Uint8Array, RegExp][] = [
  ["it is empty", new Uint8Array(0), /ends in the middle of magic/],
  ["it is not GGUF", put(0, 0x67), /does not start with "GGUF"/],
  ["its version is unknown", put(4, 9), /has GGUF version 9/],
  ["it is big-endian", put(4, 0, 0, 0, 3), /has GGUF version 50331648/],
  ["it claims more tensors than fit", put(8, ...MANY), /claims 1099511627776 for tensor count/],
  ["it claims more metadata than fits", put(16, ...MANY), /claims 1099511627776 for metadata count/],
  [
    "a key is longer than the file",
    put(24, ...MANY),
    /claims 1099511627776 for the length of a metadata key/,
  ],
  [
    "a count does not fit a number",
    put(8, 255, 255, 255, 255, 255, 255, 255, 255),
    /gives 18446744073709551615/,
  ],
  ["a string is not UTF-8", patch("general.architecture", 12, [0xff]), /not UTF-8 in general\.architecture/],
  ["a metadata type is unknown", patch("general.architecture", 0, [99]), /the unknown type 99/],
  [
    "a list is longer than the file",
    patch("tokenizer.ggml.tokens", 8, MANY),
    /for the length of tokenizer\.ggml\.tokens/,
  ],
  ["a tensor has no dimension", patch("token_embd.weight", 0, [0]), /"token_embd\.weight" 0 dimensions/],
  ["a dimension is zero", patch("token_embd.weight", 4, [0]), /the shape \[\d+,0\]/],
  ["a row is not whole blocks", patch("token_embd.weight", 4, [33]), /the shape \[\d+,33\]/],
  [
    "a shape overflows",
    patch("token_embd.weight", 4, [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
    /the shape/,
  ],
  ["a tensor is larger than the file", patch("token_embd.weight", 4, [0, 0, 1]), /past its end/],
  ["a type is known but not readable", patch("token_embd.weight", 20, [12]), /"token_embd\.weight" as Q4_K/],
  ["a type is unknown", patch("token_embd.weight", 20, [77]), /"token_embd\.weight" as type 77/],
  ["a tensor is not aligned", patch("token_embd.weight", 24, [1]), /not a multiple of 32/],
  ["tensors overlap", patch("output.weight", 24, [0, 0]), /overlapping bytes/],
  [
    "a tensor occurs twice",
    patch("blk.0.ffn_u", -1, [0x64, 0x6f, 0x77, 0x6e], rename()),
    /"blk\.0\.ffn_down\.weight" twice/,
  ],
  ["it ends inside the data", original.slice(0, -40), /past its end/],
];

/** `blk.0.ffn_up.weight` cannot be renamed in place, so another tensor of the same length is. */
function rename(): Uint8Array<ArrayBuffer> {
  const copy = original.slice();
  const from = new TextEncoder().encode("blk.0.ffn_gate.weight");
  copy.set(new TextEncoder().encode("blk.0.ffn_down.weight"), indexOf(copy, from));
  return copy;
}

for (const [when, bytes, message] of damaged) {
  Deno.test(`openGguf() refuses a file when ${when}`, () =>
    withFile(bytes, (path) => {
      const allocated = largestAllocation(() => {
        assert.throws(() => openGguf(path), (error) => {
          assert.ok(error instanceof UsageError && error.cure !== "");
          assert.match(error.message, message);
          return true;
        });
      });
      assert.ok(allocated <= bytes.length, `${allocated} bytes were allocated`);
    }));
}

const unsupported: [string, Uint8Array, RegExp][] = [
  [
    "the architecture is unknown",
    patch("general.architecture", 12, [0x67, 0x65, 0x6d, 0x6d, 0x61]),
    /is "gemma"/,
  ],
  [
    "RoPE rotates a part of the head",
    patch("llama.rope.dimension_count", 4, [4]),
    /rope\.dimension_count is 4/,
  ],
  ["heads do not divide", patch("llama.attention.head_count_kv", 4, [3]), /kvHeads is 3/],
  [
    "RoPE factors are not Llama 3's",
    patch("llama.rope.freq_base", 4, [0, 0, 0x80, 0x44]),
    /rope_freqs\.weight \[4\]/,
  ],
];
for (const [when, bytes, message] of unsupported) {
  Deno.test(`openGguf() refuses a model when ${when}`, () =>
    withFile(bytes, (path) => assert.throws(() => openGguf(path), { name: "UsageError", message })));
}

Deno.test("openGguf() reads a damaged file or says what is wrong with it, without allocating more than its size", async () => {
  const headerEnd = indexOf(original, new TextEncoder().encode("rope_freqs.weight")) + 64;
  const edit = fc.record({ at: fc.nat(headerEnd), byte: fc.nat(255) });
  // Half of the edits go to the fixed fields and the tensor table, where a byte matters most.
  const table = indexOf(original, new TextEncoder().encode("token_embd.weight"));
  const sharp = fc.record({
    at: fc.oneof(fc.nat(400), fc.integer({ min: table, max: headerEnd })),
    byte: fc.nat(255),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(edit, sharp), { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(original.length)),
      async (edits, length) => {
        const bytes = original.slice(0, length ?? original.length);
        for (const { at, byte } of edits) if (at < bytes.length) bytes[at] = byte;
        await withFile(bytes, (path) => {
          const opening = largestAllocation(() => {
            try {
              openGguf(path).tensors.close();
            } catch (error) {
              if (!(error instanceof GraceError)) throw error;
            }
          });
          assert.ok(opening <= bytes.length, `${opening} bytes for ${bytes.length}`);
          try {
            const { tensors } = openGguf(path);
            // 18 bytes of Q4_0 become 128 bytes of f32.
            const reading = largestAllocation(() => tensors.names().forEach((name) => tensors.read(name)));
            assert.ok(reading <= 7.2 * bytes.length);
            tensors.close();
          } catch (error) {
            if (!(error instanceof GraceError)) throw error;
          }
        });
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});
