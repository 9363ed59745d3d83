import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { outputFile } from "./output_file.ts";

function inFolder(test: (folder: string) => void): () => void {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test(
  "outputFile() leaves what is there as it is until it is written",
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "before");
    const old = outputFile(`${folder}/a`, "--junit"), fresh = outputFile(`${folder}/deep/b`, "--junit");
    assert.deepEqual([names(folder), names(`${folder}/deep`)], [["a", "deep"], []]);
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "before");
    old.write("after");
    fresh.write("new");
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "after");
    assert.equal(Deno.readTextFileSync(`${folder}/deep/b`), "new");
  }),
);

Deno.test(
  "outputFile() writes to what a link leads to, there or not, and keeps the link",
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "before");
    Deno.symlinkSync("a", `${folder}/link`);
    Deno.symlinkSync("link", `${folder}/second`);
    Deno.symlinkSync("nothing yet", `${folder}/dangling`);
    outputFile(`${folder}/second`, "--update").write("after");
    outputFile(`${folder}/dangling`, "--update").write("new");
    assert.deepEqual(names(folder), ["a", "dangling", "link", "nothing yet", "second"]);
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "after");
    assert.equal(Deno.readTextFileSync(`${folder}/nothing yet`), "new");
    for (const link of ["link", "second", "dangling"]) {
      assert.ok(Deno.lstatSync(`${folder}/${link}`).isSymlink);
    }
  }),
);

Deno.test(
  "outputFile() refuses at once what cannot be written, by name",
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "");
    Deno.symlinkSync("circle", `${folder}/circle`);
    assert.throws(
      () => outputFile(folder, "--junit"),
      (error) =>
        error instanceof UsageError && error.message === `--junit would write "${folder}", which is a folder`,
    );
    for (const path of [`${folder}/a/b`, "/proc/x/y", `${folder}/circle/b`, `${folder}/${"x".repeat(300)}`]) {
      assert.throws(
        () => outputFile(path, "--update"),
        (error) =>
          error instanceof MissingError && error.message.includes(`"${path}"`) &&
          !error.message.includes("--allow"),
      );
    }
    assert.deepEqual(names(folder), ["a", "circle"]);
  }),
);
