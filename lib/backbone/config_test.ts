import { assert } from "#test";
import { UsageError } from "#errors";
import { checkDecoderConfig, type DecoderConfig } from "./config.ts";

const valid: DecoderConfig = {
  architecture: "llama",
  hiddenSize: 576,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  intermediateSize: 1536,
  vocabSize: 49152,
  rmsNormEps: 1e-5,
  ropeTheta: 1e5,
  ropeScaling: null,
  tiedEmbeddings: true,
  qkvBias: false,
  qkNorm: false,
  maxPositions: 8192,
};
const scaling = {
  type: "llama3",
  factor: 32,
  lowFreqFactor: 1,
  highFreqFactor: 4,
  originalMaxPositions: 8192,
} as const;

Deno.test("checkDecoderConfig() returns the config when its numbers fit together", () => {
  assert.equal(checkDecoderConfig(valid, "x"), valid);
  checkDecoderConfig({ ...valid, ropeScaling: scaling }, "x");
});

const wrong: [string, Partial<DecoderConfig>, RegExp][] = [
  ["a size is not whole", { hiddenSize: 576.5 }, /f\.json: hiddenSize is 576\.5/],
  ["a size is zero", { intermediateSize: 0 }, /intermediateSize is 0/],
  ["a size is absurd", { vocabSize: 2 ** 40 }, /vocabSize is 1099511627776/],
  ["there are too many layers", { layers: 1e9 }, /layers is 1000000000/],
  ["the head width is odd", { headDim: 63 }, /headDim is 63/],
  ["key heads do not divide query heads", { kvHeads: 2 }, /kvHeads is 2/],
  ["epsilon is not positive", { rmsNormEps: 0 }, /rmsNormEps is 0/],
  ["theta is not positive", { ropeTheta: -1 }, /ropeTheta is -1/],
  ["a factor is not positive", { ropeScaling: { ...scaling, factor: 0 } }, /ropeScaling\.factor is 0/],
  ["the bands are swapped", { ropeScaling: { ...scaling, highFreqFactor: 1 } }, /highFreqFactor is 1/],
];
for (const [when, change, message] of wrong) {
  Deno.test(`checkDecoderConfig() names key and value when ${when}`, () => {
    assert.throws(() => checkDecoderConfig({ ...valid, ...change }, "f.json"), (error) => {
      assert.ok(error instanceof UsageError && error.cure !== "");
      assert.match(error.message, message);
      return true;
    });
  });
}
