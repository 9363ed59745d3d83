import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { RunFiles } from "./run_files.ts";

function withFolder(use: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("RunFiles lists what is in a run's folder, and follows a link to the folder but none in it", () => {
  withFolder((folder) => {
    Deno.mkdirSync(`${folder}/run/arms/grace`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/run/grace.lock.json`, "{}");
    Deno.writeTextFileSync(`${folder}/run/arms/grace/steps.jsonl.part-12`, "x");
    Deno.writeTextFileSync(`${folder}/secret`, "not of this run");
    Deno.symlinkSync("../../secret", `${folder}/run/arms/steps`);
    Deno.symlinkSync("/", `${folder}/run/arms/root`);
    Deno.symlinkSync("run", `${folder}/latest`);
    const files = RunFiles.open(`${folder}/latest`);
    assert.equal(files.name, "run");
    assert.deepEqual(files.strange().map(({ path, kind }) => `${path} ${kind}`), [
      "arms/root link",
      "arms/steps link",
    ]);
    assert.deepEqual(files.names("arms/grace"), [], "an unfinished write is none of them");
    assert.equal(files.below("").length, 6);
    assert.equal(files.text("grace.lock.json"), "{}");
    for (const path of ["arms/steps", "arms/root/etc/hostname", "nowhere", "../secret"]) {
      assert.throws(() => files.text(path), UsageError, path);
    }
    assert.throws(() => files.requirePlain("arms"), /"arms\/(root|steps)" is a link: it is not read/);
    assert.throws(() => files.requirePlain("arms/steps"), /is a link/);
    files.requirePlain("arms/grace");
  });
});

Deno.test("RunFiles refuses what is not a run's folder, and files that are absurdly large", () => {
  withFolder((folder) => {
    assert.throws(() => RunFiles.open(`${folder}/nowhere`), MissingError);
    assert.throws(() => RunFiles.open(folder), /it is not the folder of a run/);
    Deno.writeTextFileSync(`${folder}/manifest.resolved.json`, "{}");
    assert.throws(() => RunFiles.open(`${folder}/manifest.resolved.json`), MissingError);
    // Sparse: it takes no space.
    using file = Deno.openSync(`${folder}/report.txt`, { create: true, write: true });
    file.truncateSync(1e12);
    const files = RunFiles.open(folder);
    assert.throws(() => files.text("report.txt"), /has 1000000000000 bytes/);
    assert.equal(files.text("manifest.resolved.json"), "{}");
  });
});
