import { assert } from "#test";
import { UsageError } from "#errors";
import golden from "../fixtures/golden/npy/npy.json" with { type: "json" };
import { readNpyHeader } from "./npy.ts";

type Case = keyof typeof golden.files;
const bytesOf = (name: Case) => Uint8Array.fromBase64(golden.files[name]);

Deno.test("readNpyHeader() finds type, shape and first element of what numpy saves", () => {
  for (const [name, type] of [["float32", "f32"], ["float16", "f16"], ["version 2", "f32"]] as const) {
    const bytes = bytesOf(name), header = readNpyHeader(bytes, "x.npy");
    assert.deepEqual([header.type, header.shape], [type, [2, 3]], name);
    assert.equal(bytes.length - header.offset, 6 * (type === "f32" ? 4 : 2));
    if (type === "f16") continue;
    const values = new Float32Array(bytes.slice(header.offset).buffer);
    assert.deepEqual([...values], golden.values.flat().map(Math.fround));
  }
});

Deno.test("readNpyHeader() refuses what is not rows of float32 or float16 in C order", () => {
  const cases: [Case, RegExp][] = [
    ["float64", /type "<f8"/],
    ["big-endian", /type ">f4"/],
    ["fortran", /Fortran order/],
    ["vector", /its shape is \(3,\)/],
  ];
  const refused = (bytes: Uint8Array, message: RegExp) =>
    assert.throws(
      () => readNpyHeader(bytes, "x.npy"),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  for (const [name, message] of cases) refused(bytesOf(name), message);
  refused(new TextEncoder().encode("text"), /is not a \.npy file/);
  refused(bytesOf("float32").subarray(0, 40), /cannot be read/);
});
