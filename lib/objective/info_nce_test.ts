import fc from "fast-check";
import { NumericError, UsageError } from "#errors";
import { assert, assertClose, assertRelative } from "#test";
import golden from "../../fixtures/golden/objective/info_nce.json" with { type: "json" };
import { infoNce, type InfoNceBatch, type InfoNceOptions } from "./info_nce.ts";
import { unit } from "./vector.ts";

const unitRows = (raw: readonly number[], dim: number) => {
  const rows = Array.from({ length: raw.length / dim }, (_, i) => raw.slice(i * dim, (i + 1) * dim));
  return rows.flatMap((row) => [...unit(row)]);
};

for (
  const [i, { dim, temperature, raw, positiveKeys, negativeKeys, ...expected }] of golden.cases.entries()
) {
  Deno.test(`infoNce() agrees with PyTorch, case ${i}`, () => {
    const [queries, positives, negatives] = raw.map((x) => unitRows(x, dim));
    const options: InfoNceOptions = {
      temperature,
      ...(positiveKeys ? { maskDuplicates: { positiveKeys, negativeKeys: negativeKeys ?? [] } } : {}),
    };
    const batch = { queries: queries!, positives: positives!, negatives: negatives!, dim };
    const actual = infoNce(batch, options);
    assertRelative([actual.loss], [expected.loss], 1e-12);
    assert.equal(actual.accuracy, expected.accuracy);
    assertRelative(actual.queryGradient, expected.unitGradients[0]!, 1e-10);
    assertRelative(actual.positiveGradient, expected.unitGradients[1]!, 1e-10);
    assertRelative(actual.negativeGradient, expected.unitGradients[2]!, 1e-10);
  });
}

Deno.test("infoNce() has the gradients of its loss (finite differences)", () => {
  const numbers = (length: number) =>
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: length, maxLength: length });
  fc.assert(fc.property(numbers(6), numbers(6), numbers(4), (queries, positives, negatives) => {
    const batch = { queries, positives, negatives, dim: 2 };
    const options = { temperature: 0.5 };
    const result = infoNce(batch, options);
    const gradients = {
      queries: result.queryGradient,
      positives: result.positiveGradient,
      negatives: result.negativeGradient,
    };
    for (const name of ["queries", "positives", "negatives"] as const) {
      const numeric = batch[name].map((_, k) => {
        const at = (h: number) =>
          infoNce({ ...batch, [name]: batch[name].map((x, j) => j === k ? x + h : x) }, options).loss;
        return (at(1e-6) - at(-1e-6)) / 2e-6;
      });
      assertClose(gradients[name], numeric, 1e-7, name);
    }
  }));
});

const duplicate: InfoNceBatch = {
  queries: [1, 0, 0.6, 0.8],
  positives: [0, 1, 0, 1],
  negatives: [1, 0],
  dim: 2,
};

Deno.test("infoNce() leaves out copies of a query's own positive only when asked to", () => {
  const keys = { positiveKeys: ["p", "p"], negativeKeys: ["n"] };
  const plain = infoNce(duplicate, { temperature: 1 });
  const masked = infoNce(duplicate, { temperature: 1, maskDuplicates: keys });
  assert.deepEqual([plain.masked, masked.masked], [0, 2]);
  // Query 1 against its positive and the negative alone: log(1 + e^(1 − 0)) and log(1 + e^(0.6 − 0.8)).
  assertClose([masked.loss], [(Math.log1p(Math.E) + Math.log1p(Math.exp(-0.2))) / 2], 1e-14);
  assert.ok(plain.loss > masked.loss);
  const minedCopy = infoNce(duplicate, {
    temperature: 1,
    maskDuplicates: { positiveKeys: ["p", "q"], negativeKeys: ["p"] },
  });
  assert.equal(minedCopy.masked, 1);
});

Deno.test("infoNce() refuses a query without any candidate but its positive", () => {
  const single = { queries: [1, 0], positives: [0, 1], negatives: [], dim: 2 };
  assert.throws(() => infoNce(single, { temperature: 1 }), UsageError);
  const twins = { ...duplicate, negatives: [] };
  const maskDuplicates = { positiveKeys: ["p", "p"], negativeKeys: [] };
  assert.throws(() => infoNce(twins, { temperature: 1, maskDuplicates }), UsageError);
});

Deno.test("infoNce() refuses shapes, temperatures, keys and numbers that do not fit", () => {
  const run = (change: Partial<InfoNceBatch>, options: Partial<InfoNceOptions> = {}) =>
    infoNce({ ...duplicate, ...change }, { temperature: 1, ...options });
  assert.throws(() => run({ positives: [1, 0] }), UsageError);
  assert.throws(() => run({ negatives: [1] }), UsageError);
  assert.throws(() => run({ dim: 3 }), UsageError);
  for (const temperature of [0, -1, NaN, Infinity]) assert.throws(() => run({}, { temperature }), UsageError);
  assert.throws(() => run({}, { maskDuplicates: { positiveKeys: ["a"], negativeKeys: ["b"] } }), UsageError);
  assert.throws(() => run({ queries: [NaN, 0, 1, 0] }), NumericError);
});
