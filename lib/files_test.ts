import { MissingError } from "#errors";
import { assert } from "#test";
import {
  infoIfThere,
  isFile,
  isFolder,
  isTaken,
  isThere,
  namesIfThere,
  readBytesIfThere,
  readTextIfThere,
} from "./files.ts";

function withFolder(use: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/file`, "text");
    use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("isThere(), isFile() and isFolder() tell files and folders apart", () => {
  withFolder((folder) => {
    const seen = [`${folder}/file`, folder].map((path) => [isThere(path), isFile(path), isFolder(path)]);
    assert.deepEqual(seen, [[true, true, false], [true, false, true]]);
    assert.equal(infoIfThere(`${folder}/file`)!.size, 4);
  });
});

Deno.test("what is not there is absent, also below a file and behind a link that leads nowhere", () => {
  withFolder((folder) => {
    Deno.symlinkSync("nowhere", `${folder}/link`);
    for (const path of [`${folder}/none`, `${folder}/none/file`, `${folder}/file/inside`, `${folder}/link`]) {
      assert.deepEqual([isThere(path), isFile(path), isFolder(path)], [false, false, false], path);
      assert.deepEqual(
        [infoIfThere(path), readTextIfThere(path), readBytesIfThere(path), namesIfThere(path)],
        [
          undefined,
          undefined,
          undefined,
          [],
        ],
        path,
      );
      assert.equal(isTaken(path), path.endsWith("/link"));
    }
  });
});

Deno.test("readTextIfThere(), readBytesIfThere() and namesIfThere() give what is there", () => {
  withFolder((folder) => {
    assert.equal(readTextIfThere(`${folder}/file`), "text");
    assert.deepEqual(readBytesIfThere(`${folder}/file`), new TextEncoder().encode("text"));
    assert.deepEqual(namesIfThere(folder), ["file"]);
  });
});

Deno.test("what is there and cannot be read is an error that names it, not absent", () => {
  withFolder((folder) => {
    Deno.symlinkSync("circle", `${folder}/circle`);
    for (const read of [isThere, isFile, isFolder, readTextIfThere, readBytesIfThere, namesIfThere]) {
      assert.throws(
        () => read(`${folder}/circle`),
        (error) =>
          error instanceof MissingError && /circle" cannot be read: .*symbolic links/.test(error.message),
        read.name,
      );
    }
    assert.throws(() => readTextIfThere(folder), MissingError);
  });
});
