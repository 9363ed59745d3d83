import { assert } from "#test";
import { UsageError } from "#errors";
import { requirePositions } from "./positions.ts";
import { presetManifest } from "./presets.ts";

const manifest = presetManifest("fixed");
manifest.prompt.promptTokens = 100;
manifest.sampling.maxNewTokens = 30;
manifest.evaluation.maxNewTokens = 20;

Deno.test("requirePositions() takes what fits to the last token", () => {
  requirePositions(manifest, 130, ["evaluation", "sampling"]);
  requirePositions(manifest, 120, ["evaluation"]);
  requirePositions(manifest, 100, []);
});

Deno.test("requirePositions() names both settings and the limit when one token does not fit", () => {
  for (const [section, tokens, limit] of [["sampling", 30, 129], ["evaluation", 20, 119]] as const) {
    assert.throws(
      () => requirePositions(manifest, limit, [section]),
      (error) =>
        error instanceof UsageError &&
        error.message ===
          `prompt.promptTokens is 100 and ${section}.maxNewTokens is ${tokens}: ` +
            `together more than the ${limit} positions of the backbone`,
    );
  }
});
