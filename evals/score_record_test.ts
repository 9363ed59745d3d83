import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { readableScores, readScores } from "./score_record.ts";

Deno.test("readScores() says why a file is no score, and how to have it made anew; readableScores() leaves it out", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assert.rejects(readScores(folder), MissingError);
    assert.deepEqual(await readableScores(folder), []);
    await Deno.mkdir(`${folder}/scores`);
    for (
      const [text, reason] of [['{"schema":"grace-score/99"}', /schema "grace-score\/99"/], [
        "{",
        /JSON/,
      ]] as const
    ) {
      await Deno.writeTextFile(`${folder}/scores/STS.json`, text);
      await assert.rejects(readScores(folder), (error) => {
        assert.ok(error instanceof UsageError, String(error));
        assert.match(error.message, /STS\.json" is not a score with its items: /);
        assert.match(error.message, reason);
        assert.match(error.cure, /^give the command again/);
        return true;
      });
      assert.deepEqual(await readableScores(folder), []);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
