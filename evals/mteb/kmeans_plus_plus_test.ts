import { assert } from "#test";
import { clusteredPoints, type Recipe } from "../../fixtures/clustered_points.ts";
import { golden } from "../../fixtures/golden_data.ts";
import { kMeansPlusPlus } from "./kmeans_plus_plus.ts";
import { RandomState } from "./numpy_random.ts";
import { SKLEARN_DRAWS, type SklearnRelease } from "./sklearn_draws.ts";

interface Golden {
  plusPlus: { recipe: Recipe; clusters: number; seed: number; rows: number[] }[];
}

for (const [release, draws] of Object.entries(SKLEARN_DRAWS)) {
  Deno.test(`kMeansPlusPlus() picks the rows of scikit-learn ${release as SklearnRelease}`, () => {
    for (
      const { recipe, clusters, seed, rows } of golden<Golden>(`clustering/kmeans-${release}.json`).plusPlus
    ) {
      const points = { ...clusteredPoints(recipe), rows: recipe.rows, columns: recipe.columns };
      const picked = kMeansPlusPlus(points, clusters, new RandomState(seed), draws);
      assert.deepEqual([...picked], rows, `${JSON.stringify(recipe)} seed ${seed}`);
    }
  });
}

Deno.test("kMeansPlusPlus() picks one point of each far group", () => {
  const data = Float32Array.from({ length: 40 }, (_, i) => 1000 * (i % 4) + i / 100);
  for (let seed = 0; seed < 20; seed++) {
    const picked = kMeansPlusPlus(
      { data, rows: 40, columns: 1 },
      4,
      new RandomState(seed),
      SKLEARN_DRAWS["1.3"],
    );
    assert.deepEqual([...picked].map((row) => row % 4).sort(), [0, 1, 2, 3]);
  }
});
