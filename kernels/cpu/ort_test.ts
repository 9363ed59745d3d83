import { binding } from "onnxruntime-node/dist/binding.js";
import { assert } from "#test";
import { type Graph, node } from "./onnx.ts";
import { ortTensor, Session } from "./ort.ts";

const twice: Graph = {
  inputs: [{ name: "x", shape: ["n"] }, { name: "y", shape: ["n"] }],
  outputs: [{ name: "sum", shape: ["n"] }, { name: "difference", shape: ["n"] }],
  nodes: [node("Add", ["x", "y"], "sum"), node("Sub", ["x", "y"], "difference")],
};

const vector = (...values: number[]) => ortTensor(new Float32Array(values), [values.length]);

Deno.test("Session.run() fills every output that it is given", () => {
  const session = new Session(twice, 1);
  const sum = vector(0, 0), difference = vector(0, 0);
  session.run({ x: vector(5, 7), y: vector(1, 2) }, { sum, difference });
  assert.deepEqual([...sum.data as Float32Array], [6, 9]);
  assert.deepEqual([...difference.data as Float32Array], [4, 5]);
  session.dispose();
});

Deno.test("Session.run() fails when an input is missing, and runs again after it", () => {
  const session = new Session(twice, 1);
  const outputs = { sum: vector(0, 0), difference: vector(0, 0) };
  assert.throws(() => session.run({ x: vector(1, 2) }, outputs), /Missing Input: y/);
  session.run({ x: vector(5, 7), y: vector(1, 2) }, outputs);
  assert.deepEqual([...outputs.sum.data as Float32Array], [6, 9]);
  session.dispose();
});

Deno.test("Session.run() lets the binding copy no output", () => {
  const native = binding.InferenceSession.prototype, { run } = native;
  let returned = 0;
  native.run = function (this: typeof native, ...args: Parameters<typeof run>) {
    const results = run.apply(this, args);
    returned++;
    return results;
  };
  try {
    const session = new Session(twice, 1);
    session.run({ x: vector(1), y: vector(1) }, { sum: vector(0), difference: vector(0) });
    session.dispose();
  } finally {
    native.run = run;
  }
  assert.equal(returned, 0);
});
