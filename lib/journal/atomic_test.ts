import { assert } from "#test";
import { UsageError } from "#errors";
import { removeLeftovers, writeDirectoryAtomic, writeFileAtomic } from "./atomic.ts";

async function inTempDir(fn: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync();
  try {
    await fn(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const names = (dir: string) => [...Deno.readDirSync(dir)].map((entry) => entry.name).sort();

Deno.test("writeFileAtomic() replaces the whole content and leaves nothing else behind", async () => {
  await inTempDir((dir) => {
    writeFileAtomic(`${dir}/a.json`, "a much longer first content");
    writeFileAtomic(`${dir}/a.json`, new TextEncoder().encode("é"));
    assert.equal(Deno.readTextFileSync(`${dir}/a.json`), "é");
    assert.deepEqual(names(dir), ["a.json"]);
  });
});

Deno.test("writeDirectoryAtomic() shows the folder only once it is filled", async () => {
  await inTempDir(async (dir) => {
    await writeDirectoryAtomic(`${dir}/step-000001`, async (part) => {
      Deno.mkdirSync(`${part}/deep`);
      Deno.writeTextFileSync(`${part}/deep/w`, "x");
      await Promise.resolve();
      assert.deepEqual(names(dir), [`step-000001.part-${Deno.pid}`]);
    });
    assert.deepEqual(names(dir), ["step-000001"]);
    assert.equal(Deno.readTextFileSync(`${dir}/step-000001/deep/w`), "x");
  });
});

Deno.test("writeDirectoryAtomic() leaves nothing behind when filling fails", async () => {
  await inTempDir(async (dir) => {
    const failing = writeDirectoryAtomic(`${dir}/c`, (part) => {
      Deno.writeTextFileSync(`${part}/w`, "x");
      throw new Error("no space");
    });
    await assert.rejects(failing, /no space/);
    assert.deepEqual(names(dir), []);
  });
});

Deno.test("writeDirectoryAtomic() refuses to replace what exists", async () => {
  await inTempDir(async (dir) => {
    Deno.writeTextFileSync(`${dir}/c`, "old");
    await assert.rejects(writeDirectoryAtomic(`${dir}/c`, () => assert.fail("must not fill")), UsageError);
    assert.equal(Deno.readTextFileSync(`${dir}/c`), "old");
  });
});

Deno.test("removeLeftovers() removes unfinished files and folders at any depth and nothing else", async () => {
  await inTempDir((dir) => {
    Deno.mkdirSync(`${dir}/arms/grace/step-000001.part-77/x`, { recursive: true });
    for (const name of ["a.json.part-1", "keep.part", "keep.part-x", "arms/grace/s.jsonl"]) {
      Deno.writeTextFileSync(`${dir}/${name}`, "");
    }
    assert.deepEqual(removeLeftovers(dir), ["a.json.part-1", "arms/grace/step-000001.part-77"]);
    assert.deepEqual(names(dir), ["arms", "keep.part", "keep.part-x"]);
    assert.deepEqual(names(`${dir}/arms/grace`), ["s.jsonl"]);
  });
});

Deno.test("writeFileAtomic() leaves nothing behind when it fails", async () => {
  await inTempDir((dir) => {
    Deno.mkdirSync(`${dir}/taken`);
    assert.throws(() => writeFileAtomic(`${dir}/taken`, "text"));
    assert.deepEqual(names(dir), ["taken"]);
  });
});

/** Runs `fn` on a system whose flush of files or of folders fails in this way. */
function withSyncOf(kind: "file" | "folder", error: Error, fn: () => void): void {
  const { prototype } = Deno.FsFile, { syncSync } = prototype;
  prototype.syncSync = function () {
    if (this.statSync().isDirectory === (kind === "folder")) throw error;
    syncSync.call(this);
  };
  try {
    fn();
  } finally {
    prototype.syncSync = syncSync;
  }
}

Deno.test("writeFileAtomic() takes a file system that cannot flush folders as it is, and no other that fails", async () => {
  const refusal = (code: string) => Object.assign(new Error("refused"), { code });
  await inTempDir((dir) => {
    const write = () => writeFileAtomic(`${dir}/a.json`, "content");
    withSyncOf("folder", refusal("EINVAL"), write);
    withSyncOf("folder", refusal("ENOTSUP"), write);
    withSyncOf("folder", refusal("EIO"), () => assert.throws(write, /refused/));
    withSyncOf("file", refusal("EINVAL"), () => assert.throws(write, /refused/));
  });
});
