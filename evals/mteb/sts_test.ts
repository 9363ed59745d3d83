import { assert, assertClose } from "#test";
import { NumericError, UsageError } from "#errors";
import { float32, golden } from "../../fixtures/golden_data.ts";
import { scoreSts, type StsPair } from "./sts.ts";

interface Golden {
  sts: {
    rows: number;
    columns: number;
    a: string;
    b: string;
    gold: number[];
    cosine: number[];
    metrics: Record<string, number>;
  };
}

const pair = (id: number, gold: number): StsPair => ({
  id: `${id}`,
  sentence1: `a${id}`,
  sentence2: `b${id}`,
  gold,
});

Deno.test("scoreSts() agrees with scikit-learn's distances and scipy's correlations", () => {
  const { sts } = golden<Golden>("mteb/metrics.json");
  const sides = { a: float32(sts.a), b: float32(sts.b) };
  const vectors = (text: string) => {
    const row = Number(text.slice(1)) * sts.columns;
    return sides[text[0] as "a" | "b"].subarray(row, row + sts.columns);
  };
  const score = scoreSts(sts.gold.map((gold, i) => pair(i, gold)), vectors);
  assert.equal(score.main, "cosine_spearman");
  assert.deepEqual(Object.keys(score.metrics).sort(), Object.keys(sts.metrics).sort());
  for (const [name, expected] of Object.entries(sts.metrics)) {
    assertClose([score.metrics[name]!], [expected], 1e-6, name);
  }
  assertClose(score.items.map((item) => item.similarity!), sts.cosine, 3e-7, "cosine");
});

Deno.test("scoreSts() refuses constant judgements as input, constant similarities as a collapse", () => {
  const vectors = (text: string) =>
    new Float32Array(text.startsWith("a") ? [1, 0] : [Number(text.slice(1)), 1]);
  assert.throws(() => scoreSts([pair(1, 2), pair(2, 2)], vectors), UsageError);
  assert.throws(() => scoreSts([pair(1, 1), pair(2, 2)], () => new Float32Array([1, 2])), NumericError);
  assertClose([scoreSts([pair(1, 1), pair(2, 2)], vectors).metrics["cosine_spearman"]!], [1], 1e-15);
});

Deno.test("scoreSts() refuses a zero or non-finite embedding", () => {
  for (const bad of [0, NaN, Infinity]) {
    const vectors = (text: string) =>
      new Float32Array(text === "b2" ? [bad, bad] : [1, Number(text.slice(1))]);
    assert.throws(() => scoreSts([pair(1, 1), pair(2, 2)], vectors), NumericError);
  }
});
