import { assert } from "#test";
import { planArms } from "../lib/manifest/arms.ts";
import { resolveManifest } from "../lib/manifest/resolve.ts";
import { describeExposure } from "./exposure.ts";
import { trainingsOf } from "./inputs.ts";

const told = (input: object, examples = 1000) =>
  describeExposure(
    trainingsOf(planArms(resolveManifest({ train: { steps: 40 }, cl: { steps: 40 }, ...input }).manifest)),
    examples,
  );

Deno.test("describeExposure() says that the arms of the preset tiny see the same texts, however often they are read", () => {
  assert.equal(
    told({ arms: ["base", "cl", "cl-1e-3", "cl-reasoning", "grace", "grace-greedy"] }),
    "cl, cl-1e-3 and grace are trained on the same 640 examples in the same order.",
  );
});

Deno.test("describeExposure() holds batches of another size for the same texts where one epoch has them all", () => {
  const input = { arms: ["cl", "grace"], cl: { batch: 64, steps: 10 } };
  assert.match(told(input), /the same 640 examples/);
  assert.equal(
    told(input, 100),
    "The arms are not trained on the same examples: cl on 640 examples (100 different ones) and " +
      "grace on 640 examples (100 different ones).",
  );
});

Deno.test("describeExposure() names the numbers where they differ, and nothing where nothing is trained", () => {
  assert.equal(
    told({ arms: ["cl", "grace"], cl: { steps: 20 } }),
    "The arms are not trained on the same examples: cl on 320 examples and grace on 640 examples.",
  );
  assert.equal(told({ arms: ["grace"], train: { steps: 1 } }), "grace is trained on 16 examples.");
  assert.equal(told({ arms: ["base", "reasoning"] }), "");
});
