import { assert, assertClose } from "#test";
import { minimizeLbfgs, type Objective } from "./lbfgs.ts";

const options = {
  maxIterations: 100,
  gradientTolerance: 1e-8,
  valueTolerance: 0,
  maxLineSearchEvaluations: 20,
};

/** Rosenbrock's function: a curved valley with its minimum at (1, 1). */
const rosenbrock: Objective = (x, g) => {
  const [a, b] = [x[0]!, x[1]!];
  g[0] = -2 * (1 - a) - 400 * a * (b - a * a);
  g[1] = 200 * (b - a * a);
  return (1 - a) ** 2 + 100 * (b - a * a) ** 2;
};

Deno.test("minimizeLbfgs() finds the minimum of a curved valley and leaves the start alone", () => {
  const start = new Float64Array([-1.2, 1]);
  const found = minimizeLbfgs(rosenbrock, start, options);
  assert.equal(found.stopped, "gradient");
  assertClose(found.x, [1, 1], 1e-8);
  assert.deepEqual([...start], [-1.2, 1]);
});

Deno.test("minimizeLbfgs() says which limit stopped it", () => {
  const start = new Float64Array([-1.2, 1]);
  const limited = minimizeLbfgs(rosenbrock, start, { ...options, maxIterations: 3 });
  assert.deepEqual([limited.stopped, limited.iterations], ["iterations", 3]);
  assert.equal(minimizeLbfgs(rosenbrock, start, { ...options, valueTolerance: 1 }).stopped, "value");
  const atMinimum = minimizeLbfgs(rosenbrock, new Float64Array([1, 1]), options);
  assert.deepEqual([atMinimum.stopped, atMinimum.iterations], ["gradient", 0]);
});

Deno.test("minimizeLbfgs() returns the best point when no step lowers the value", () => {
  const wrongGradient: Objective = (x, g) => {
    g[0] = -1;
    return x[0]! ** 2;
  };
  const found = minimizeLbfgs(wrongGradient, new Float64Array([0]), options);
  assert.equal(found.stopped, "line search");
  assert.deepEqual([found.x[0], found.value], [0, 0]);
});
