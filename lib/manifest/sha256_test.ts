import { createHash } from "node:crypto";
import fc from "fast-check";
import { assert } from "#test";
import { sha256 } from "./sha256.ts";

const native = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex");

Deno.test("sha256() gives what node:crypto gives, of bytes and of texts of any characters", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    assert.equal(sha256(bytes).toHex(), native(bytes));
  }));
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
    assert.equal(sha256(text).toHex(), native(text));
  }));
});

Deno.test("sha256() pads contents of every length, short ones after long ones too", () => {
  const bytes = Uint8Array.from({ length: 1 << 18 }, (_, i) => i * 31);
  for (const length of [1 << 18, 70_000, 0, 1, 1 << 17, 3]) {
    assert.equal(sha256(bytes.subarray(0, length)).toHex(), native(bytes.subarray(0, length)), `${length}`);
  }
  for (let length = 0; length < 200; length++) {
    assert.equal(sha256(bytes.subarray(0, length)).toHex(), native(bytes.subarray(0, length)), `${length}`);
  }
});
