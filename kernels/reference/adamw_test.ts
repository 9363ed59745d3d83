import { assertClose } from "#test";
import { adamW, globalNorm } from "./adamw.ts";

const spec = {
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.99,
  eps: 1e-8,
  weightDecay: 0.5,
  step: 1,
  gradientScale: 0.25,
};
const start = { parameter: Float64Array.of(2, -3), m: new Float64Array(2), v: new Float64Array(2) };

Deno.test("adamW() moves by the learning rate in the first step, whatever the size of the gradient", () => {
  const { parameter } = adamW(start, Float64Array.of(4, -1e6), { ...spec, eps: 0 });
  // Decoupled decay: 2·(1 − 0.1·0.5) − 0.1 and −3·(1 − 0.1·0.5) + 0.1.
  assertClose(parameter, [1.8, -2.75], 1e-14);
});

Deno.test("adamW() keeps moments of the scaled gradient", () => {
  const { m, v } = adamW(start, Float64Array.of(4, 8), spec);
  assertClose([...m, ...v], [0.1, 0.2, 0.01, 0.04], 1e-14);
});

Deno.test("globalNorm() is the length of all gradients together", () => {
  assertClose([globalNorm([Float64Array.of(2, 3), Float64Array.of(6)])], [7], 0);
});
