import { assert } from "#test";
import { MissingError } from "#errors";
import { digestFile, sha256Hex } from "./hash.ts";

// FIPS 180-2, appendix B.1 and the empty message.
Deno.test("sha256Hex() gives the published digests", () => {
  assert.equal(sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

Deno.test("digestFile() agrees with sha256Hex() for files shorter and longer than a chunk", () => {
  const path = Deno.makeTempFileSync();
  try {
    for (const bytes of [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 3]) {
      const content = new Uint8Array(bytes).map((_, i) => (i * 31) & 255);
      Deno.writeFileSync(path, content);
      assert.deepEqual(digestFile(path), { sha256: sha256Hex(content), bytes });
    }
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("digestFile() names a file that it cannot read", () => {
  assert.throws(() => digestFile("no-such.bin"), (e) => {
    return e instanceof MissingError && e.message.includes('"no-such.bin"');
  });
});
