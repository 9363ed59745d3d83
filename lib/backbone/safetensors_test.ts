import { assert } from "#test";
import fc from "fast-check";
import { GraceError, MissingError, UsageError } from "#errors";
import { GOLDEN, golden, hashOf, largestAllocation, withFile } from "./_golden.ts";
import { openSafetensors, safetensorsFiles } from "./safetensors.ts";

type Tensors = Record<string, { shape: number[]; sha256: string }>;
const { models } = golden<{ models: Record<string, Tensors> }>("tensors.json");
const DTYPES: Record<string, string> = { llama: "F32", qwen2: "BF16", qwen3: "F16" };

for (const [name, tensors] of Object.entries(models)) {
  Deno.test(`openSafetensors() widens ${DTYPES[name]} of ${name} exactly`, () => {
    const { shards } = safetensorsFiles(`${GOLDEN}/${name}`);
    const source = openSafetensors(shards.map((shard) => `${GOLDEN}/${name}/${shard}`));
    assert.deepEqual(source.names().sort(), Object.keys(tensors).sort());
    for (const [tensor, { shape, sha256 }] of Object.entries(tensors)) {
      assert.deepEqual(source.shape(tensor), shape);
      assert.equal(source.dtype(tensor), DTYPES[name]);
      assert.equal(hashOf(source.read(tensor)), sha256, tensor);
    }
    source.close();
  });
}

Deno.test("safetensorsFiles() lists the shards of an index and the single file without one", () => {
  assert.equal(safetensorsFiles(`${GOLDEN}/llama`).shards.length, 3);
  assert.deepEqual(safetensorsFiles(`${GOLDEN}/qwen2`), { index: null, shards: ["model.safetensors"] });
});

Deno.test("safetensorsFiles() fails when there are no weights", () => {
  assert.throws(() => safetensorsFiles(GOLDEN), {
    name: "MissingError",
    message: /neither model\.safetensors nor/,
  });
});

Deno.test("safetensorsFiles() refuses an index that points out of its folder", () => {
  const folder = Deno.makeTempDirSync();
  for (const shard of ["../model.safetensors", "/etc/x.safetensors", 3]) {
    Deno.writeTextFileSync(
      `${folder}/model.safetensors.index.json`,
      JSON.stringify({ weight_map: { a: shard } }),
    );
    assert.throws(() => safetensorsFiles(folder), UsageError);
  }
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("openSafetensors() fails when a shard is missing or holds a tensor again", () => {
  assert.throws(() => openSafetensors([`${GOLDEN}/nowhere.safetensors`]), MissingError);
  const path = `${GOLDEN}/qwen2/model.safetensors`;
  assert.throws(() => openSafetensors([path, path]), { name: "UsageError", message: /is in .* and in/ });
});

/** A safetensors file with any header text and any number of bytes behind it. */
function file(header: string | Uint8Array, dataBytes = 0, claimed?: bigint): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
const tensor = (from: number, to: number, shape = [(to - from) / 4], dtype = "F32") =>
  JSON.stringify({ dtype, shape, data_offsets: [from, to] });

const damaged: [string, Uint8Array, RegExp][] = [
  ["it is shorter than a length", new Uint8Array(5), /has 5 bytes/],
  ["the header is longer than the file", file("{}", 0, 1000n), /claims a header of 1000 bytes/],
  ["the header claims 2^63 bytes", file("{}", 0, 1n << 63n), /claims a header of 9223372036854776000 bytes/],
  ["the header is not UTF-8", file(new Uint8Array([0x7b, 0xff, 0x7d])), /not UTF-8/],
  ["the header is not JSON", file("{nope"), /not valid JSON/],
  ["the header is not an object", file("[]"), /not a JSON object/],
  ["a tensor is not described", file('{"a":7}'), /describes the tensor "a" as 7/],
  [
    "an offset is negative",
    file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}', 4),
    /describes the tensor/,
  ],
  ["a size is a fraction", file(`{"a":${tensor(0, 4, [0.5])}}`, 4), /describes the tensor/],
  [
    "shape and bytes disagree",
    file(`{"a":${tensor(0, 4, [2])}}`, 4),
    /gives the tensor "a" \(F32 \[2\]\) 4 bytes/,
  ],
  ["the shape overflows", file(`{"a":${tensor(0, 4, [2 ** 52, 2 ** 52])}}`, 4), /gives the tensor "a"/],
  ["a tensor lies past the end", file(`{"a":${tensor(0, 8)}}`, 4), /places the tensor "a" past its end/],
  [
    "tensors overlap",
    file(`{"a":${tensor(0, 8)},"b":${tensor(4, 12)}}`, 12),
    /overlapping bytes before the tensor "b"/,
  ],
  ["there is a gap", file(`{"a":${tensor(0, 4)},"b":${tensor(8, 12)}}`, 12), /a gap before the tensor "b"/],
  ["there are bytes behind the last tensor", file(`{"a":${tensor(0, 4)}}`, 8), /tensors up to byte/],
  [
    "a name occurs twice",
    file(`{"a":${tensor(0, 4)}, "\\u0061" : ${tensor(0, 4)}}`, 4),
    /names the tensor "a" twice/,
  ],
  ["a type is not supported", file(`{"a":${tensor(0, 4, [4], "I8")}}`, 4), /stores the tensor "a" as I8/],
];
for (const [when, bytes, message] of damaged) {
  Deno.test(`openSafetensors() refuses a file when ${when}`, () =>
    withFile(bytes, (path) => {
      const allocated = largestAllocation(() => {
        assert.throws(() => openSafetensors([path]), (error) => {
          assert.ok(error instanceof UsageError && error.cure !== "");
          assert.match(error.message, message);
          return true;
        });
      });
      assert.ok(allocated <= Math.max(8, bytes.length), `${allocated} bytes were allocated`);
    }));
}

Deno.test("openSafetensors() accepts metadata, an empty tensor, and brackets inside names", () =>
  withFile(
    file(`{"__metadata__":{"a":"b"},"x{[\\"":${tensor(0, 8, [1, 2])},"e":${tensor(8, 8, [0, 3])}}`, 8),
    (path) => {
      const source = openSafetensors([path]);
      assert.deepEqual([...source.read('x{["')], [0, 0]);
      assert.equal(source.read("e").length, 0);
      source.close();
    },
  ));

Deno.test("openSafetensors() reads a damaged file or says what is wrong with it, without allocating more than its size", async () => {
  const original = Deno.readFileSync(`${GOLDEN}/qwen3/model.safetensors`).slice();
  const headerEnd = 8 + Number(new DataView(original.buffer).getBigUint64(0, true));
  const edit = fc.record({ at: fc.nat(headerEnd - 1), byte: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(original.length)),
      async (edits, length) => {
        const bytes = original.slice(0, length ?? original.length);
        for (const { at, byte } of edits) if (at < bytes.length) bytes[at] = byte;
        await withFile(bytes, (path) => {
          const allocated = largestAllocation(() => {
            try {
              const source = openSafetensors([path]);
              for (const name of source.names()) source.read(name);
              source.close();
            } catch (error) {
              if (!(error instanceof GraceError)) throw error;
            }
          });
          // 16-bit weights become twice as large.
          assert.ok(allocated <= Math.max(8, 2 * bytes.length), `${allocated} bytes for ${bytes.length}`);
        });
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});
