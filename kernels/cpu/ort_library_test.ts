import { fileURLToPath } from "node:url";
import { MissingError } from "#errors";
import { assert } from "#test";
import { ortLibraryCure, ortLibraryPath } from "./ort_library.ts";

const binaries = fileURLToPath(
  new URL("./bin/napi-v6/", import.meta.resolve("onnxruntime-node/package.json")),
);
const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("ortLibraryPath() names a library for every machine that the package has binaries for", () => {
  const machines = names(binaries).flatMap((platform) =>
    names(`${binaries}${platform}`).map((processor) => [platform, processor] as const)
  );
  assert.deepEqual(machines.map((machine) => machine.join(" ")), [
    "darwin arm64",
    "linux arm64",
    "linux x64",
    "win32 arm64",
    "win32 x64",
  ]);
  for (const [platform, processor] of machines) {
    const path = ortLibraryPath(platform, processor);
    assert.ok(path.startsWith(`${binaries}${platform}/${processor}/`), path);
    assert.ok(Deno.statSync(path).size > 1e7, path);
  }
});

Deno.test("ortLibraryPath() says what a machine can do that the package has no library for", () => {
  for (
    const [platform, processor] of [["darwin", "x64"], ["linux", "riscv64"], ["freebsd", "x64"]] as const
  ) {
    assert.throws(() => ortLibraryPath(platform, processor), (error) => {
      assert.ok(error instanceof MissingError, String(error));
      assert.equal(error.message, `ONNX Runtime is not packaged for ${platform} on ${processor}`);
      assert.match(error.cure, /^--device webgpu computes all but the scores/);
      return true;
    });
  }
});

Deno.test("ortLibraryCure() names what the library needs on Windows, and nowhere else", () => {
  assert.match(ortLibraryCure("win32"), /Visual C\+\+ Redistributable/);
  assert.doesNotMatch(ortLibraryCure("linux"), /Redistributable/);
});
