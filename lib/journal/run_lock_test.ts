import { assert } from "#test";
import { MissingError } from "#errors";
import { RunLock } from "./run_lock.ts";

Deno.test("RunLock.take() refuses a file system that has no locks", () => {
  const { prototype } = Deno.FsFile, { tryLockSync } = prototype;
  prototype.tryLockSync = () => {
    throw new Error("No locks available (os error 37)");
  };
  const folder = Deno.makeTempDirSync();
  try {
    assert.throws(() => RunLock.take(folder), (error) => {
      assert(error instanceof MissingError, String(error));
      assert.match(error.message, /cannot be locked: No locks available/);
      return true;
    });
  } finally {
    prototype.tryLockSync = tryLockSync;
    Deno.removeSync(folder, { recursive: true });
  }
});
