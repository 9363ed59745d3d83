import { assert } from "#test";
import { takeOverAnswers } from "./take_over_answers.ts";

const name = "generations.jsonl";

function withFolders(test: (from: string, to: string) => void): void {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/from`);
    test(`${root}/from`, `${root}/to`);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map((entry) => entry.name);

Deno.test("takeOverAnswers() copies the answers into a folder that is made for them", () => {
  withFolders((from, to) => {
    Deno.writeTextFileSync(`${from}/${name}`, "answers\n");
    takeOverAnswers(from, to);
    assert.equal(Deno.readTextFileSync(`${to}/${name}`), "answers\n");
    assert.deepEqual(namesIn(to), [name]);
  });
});

Deno.test("takeOverAnswers() copies how programs ended, too", () => {
  withFolders((from, to) => {
    Deno.writeTextFileSync(`${from}/${name}`, "answers\n");
    Deno.writeTextFileSync(`${from}/executions.jsonl`, "endings\n");
    Deno.mkdirSync(to);
    Deno.writeTextFileSync(`${to}/${name}`, "answers\n");
    takeOverAnswers(from, to);
    assert.equal(Deno.readTextFileSync(`${to}/executions.jsonl`), "endings\n");
  });
});

Deno.test("takeOverAnswers() does nothing where there are no answers", () => {
  withFolders((from, to) => {
    takeOverAnswers(from, to);
    assert.throws(() => Deno.statSync(to), Deno.errors.NotFound);
    assert.deepEqual(namesIn(from), []);
  });
});

Deno.test("takeOverAnswers() leaves answers that are there alone", () => {
  withFolders((from, to) => {
    Deno.mkdirSync(to);
    Deno.writeTextFileSync(`${from}/${name}`, "theirs\n");
    Deno.writeTextFileSync(`${to}/${name}`, "own\n");
    takeOverAnswers(from, to);
    assert.equal(Deno.readTextFileSync(`${to}/${name}`), "own\n");
  });
});

Deno.test("takeOverAnswers() takes nothing but an absent file for absent", () => {
  withFolders((from, to) => {
    Deno.writeTextFileSync(`${from}/${name}`, "answers\n");
    // A link that leads to itself can be neither read nor found missing.
    Deno.mkdirSync(to);
    Deno.symlinkSync(name, `${to}/${name}`);
    assert.throws(() => takeOverAnswers(from, to), (error) => !(error instanceof Deno.errors.NotFound));
    assert.ok(Deno.lstatSync(`${to}/${name}`).isSymlink);
  });
});
