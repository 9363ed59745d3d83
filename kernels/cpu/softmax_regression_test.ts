import { assert, assertClose } from "#test";
import { SoftmaxLoss } from "./softmax_regression.ts";

const rows = 11, columns = 5, classes = 4;
const features = Float64Array.from({ length: rows * columns }, (_, i) => Math.fround(Math.sin(3 * i + 1)));
const y = Array.from({ length: rows }, (_, i) => (i * 7) % classes);
const weights = (scale: number) =>
  Float64Array.from({ length: (columns + 1) * classes }, (_, i) => Math.fround(scale * Math.cos(i)));

/** By the definition, in float64. */
function defined(w: Float64Array): { value: number; gradient: Float64Array } {
  const gradient = new Float64Array(w.length);
  let value = 0;
  for (let i = 0; i < rows; i++) {
    const x = [...features.subarray(i * columns, (i + 1) * columns), 1];
    const z = Array.from(
      { length: classes },
      (_, k) => x.reduce((sum, v, f) => sum + v * w[f * classes + k]!, 0),
    );
    const max = Math.max(...z), sum = z.reduce((total, v) => total + Math.exp(v - max), 0);
    value += Math.log(sum) + max - z[y[i]!]!;
    for (let k = 0; k < classes; k++) {
      const residual = Math.exp(z[k]! - max) / sum - Number(k === y[i]);
      x.forEach((v, f) => gradient[f * classes + k]! += v * residual);
    }
  }
  return { value, gradient };
}

for (const [Floats, tolerance] of [[Float32Array, 1e-5], [Float64Array, 1e-13]] as const) {
  Deno.test(`SoftmaxLoss.evaluate() in ${Floats.name} gives loss and gradient, also of rows that are far off`, () => {
    using loss = new SoftmaxLoss<Float32Array | Float64Array>(new Floats(features), y, classes);
    // At 3000, e^z overflows in both precisions, and shares of classes are 0.
    for (const scale of [0, 1, 3000]) {
      const w = weights(scale), expected = defined(w);
      loss.weights.set(w);
      assertClose([loss.evaluate()], [expected.value], tolerance * Math.max(1, expected.value), "loss");
      assertClose(loss.gradient, expected.gradient, tolerance * rows, "gradient");
    }
    assert.equal(loss.gradient.length, (columns + 1) * classes);
  });
}
