import { join } from "node:path";
import { assert } from "#test";
import { TINY } from "./_tiny.ts";
import { externalData } from "./external_data.ts";

function withEntries(names: readonly string[], use: (path: string) => void): void {
  const path = Deno.makeTempFileSync();
  try {
    const entry = (name: string) => `\x6a\x20\x0a\x08location\x12${String.fromCharCode(name.length)}${name}`;
    Deno.writeTextFileSync(path, `weights ${names.map(entry).join("\x0a\x06offset")} `);
    use(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("externalData() names each file that tensors are taken from once, and none for a graph that holds them", () => {
  withEntries(["model.onnx_data", "a.bin", "a.bin"], (path) => {
    assert.deepEqual(externalData(path), ["a.bin", "model.onnx_data"]);
  });
  assert.deepEqual(externalData(join(TINY, "onnx/model.onnx")), []);
});

Deno.test("externalData() refuses files elsewhere", () => {
  for (const name of ["../secret", "/etc/passwd", ".."]) {
    withEntries([name], (path) => assert.throws(() => externalData(path), /takes weights from/));
  }
});
