import fc from "fast-check";
import { assert, assertClose } from "#test";
import { averageRanks, spearman } from "../statistics.ts";
import { CUTOFFS, rank, rankingMetrics } from "./retrieval.ts";

const values = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 40 });

Deno.test("spearman() does not change under an increasing map and changes sign under a decreasing one", () => {
  fc.assert(fc.property(values, (a) => {
    const b = a.map((value, i) => (value * 7 + i * 13) % 17);
    const rho = spearman(a, b);
    if (Number.isNaN(rho)) return;
    assertClose([spearman(a.map((value) => Math.exp(value / 9)), b)], [rho], 1e-12);
    assertClose([spearman(a, b.map((value) => -value))], [-rho], 1e-12);
  }));
});

Deno.test("averageRanks() always adds up to n (n + 1) / 2", () => {
  fc.assert(fc.property(values, (a) => {
    assert.equal(averageRanks(a).reduce((sum, r) => sum + r, 0), a.length * (a.length + 1) / 2);
  }));
});

const judged = fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 1, maxLength: 30 });

Deno.test("rankingMetrics() lie in [0, 1], and nDCG is 1 for the ideal order", () => {
  fc.assert(fc.property(judged, fc.nat(), (gains, turn) => {
    const ids = gains.map((_, i) => `d${i}`);
    const judgements = new Map(ids.map((id, i) => [id, gains[i]!]));
    const turned = ids.map((_, i) => ids[(i + turn) % ids.length]!);
    for (const value of Object.values(rankingMetrics(turned, judgements))) {
      assert.ok(value >= 0 && value <= 1);
    }
    const ideal = rank(ids.map((id, i) => ({ id, score: gains[i]! }))).map((hit) => hit.id);
    const relevant = gains.some((gain) => gain > 0);
    for (const k of CUTOFFS) {
      assertClose([rankingMetrics(ideal, judgements)[`ndcg_at_${k}`]!], [relevant ? 1 : 0], 1e-12);
    }
  }));
});
