/** In a file of its own: ONNX Runtime is opened once in a process, and must not have been opened here. */
import { assert } from "#test";
import { MissingError } from "#errors";
import { TrigramEncoder } from "../fixtures/hashed_trigrams.ts";
import { runSuite } from "./run_suite.ts";
import { findSuite } from "./find_suite.ts";

/** All categories of MTEB, one task of each; and no library for them. */
const permissions: Deno.PermissionOptions = { read: true, write: true, env: true, sys: true, ffi: false };

async function evaluate(types: string): Promise<{ encoded: number; tasks: string[] }> {
  const out = await Deno.makeTempDir(), encoder = new TrigramEncoder();
  try {
    const suite = findSuite(`tiny-dev:${types}`);
    const { scores } = await runSuite({ suite, dataRoot: undefined, encoder, out }).catch((error) => {
      assert.equal(encoder.encoded.length, 0, "nothing was embedded before the error");
      assert.deepEqual([...Deno.readDirSync(out)], [], "and nothing written");
      throw error;
    });
    return { encoded: encoder.encoded.length, tasks: scores.map(({ baseTask }) => baseTask) };
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

Deno.test({
  name: "runSuite() embeds and scores without ONNX Runtime where no scorer needs it",
  permissions,
  fn: async () => {
    const { encoded, tasks } = await evaluate("STS,PairClassification,Reranking,Summarization");
    assert.ok(encoded > 0);
    assert.equal(tasks.length, 4);
  },
});

Deno.test({
  name: "runSuite() says before it embeds anything that a scorer lacks ONNX Runtime",
  permissions,
  fn: async () => {
    for (const type of ["Retrieval", "Classification", "Clustering"]) {
      await assert.rejects(evaluate(`STS,${type}`), (error) => {
        assert.ok(error instanceof MissingError, String(error));
        assert.match(error.message, new RegExp(`${type}.* cannot be scored here: ONNX Runtime`));
        assert.match(error.cure, /--allow-ffi; or choose only tasks that need no ONNX Runtime: \w*Sts$/i);
        return true;
      });
    }
  },
});
