import { assert } from "#test";
import { type Graph, node } from "./onnx.ts";
import { OrtTensor, ortTensor, Session } from "./ort.ts";

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

Deno.test("Session.run() fails and says what there is when a tensor has another name", () => {
  const session = new Session(twice, 1), x = vector(1);
  assert.throws(() => session.run({ x, z: x }, { sum: vector(0) }), /"z" is not one of x, y/);
  session.dispose();
});

Deno.test("Session.run() computes only the outputs that are asked for", () => {
  const session = new Session(twice, 1), difference = vector(0, 0);
  session.run({ x: vector(5, 7), y: vector(1, 2) }, { difference });
  assert.deepEqual([...difference.data as Float32Array], [4, 5]);
  session.dispose();
});

Deno.test("Session.run() gives the same on threads of its own and on the shared ones", () => {
  const n = 1 << 18,
    values = (scale: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i) * scale);
  const x = ortTensor(values(1), [n]), y = ortTensor(values(3), [n]);
  const sums = [1, 2, 3].map((threads) => {
    const session = new Session(twice, threads), sum = new Float32Array(n);
    session.run({ x, y }, { sum: ortTensor(sum, [n]) });
    session.dispose();
    return sum;
  });
  assert.deepEqual(sums[1], sums[0]);
  assert.deepEqual(sums[2], sums[0]);
});

Deno.test("Session.run() sees arrays where they are when small ones are made and collected meanwhile", () => {
  const session = new Session(twice, 1);
  for (let i = 0; i < 20_000; i++) {
    const sum = vector(0, 0);
    session.run({ x: vector(i, 1), y: vector(1, i) }, { sum });
    assert.deepEqual([...sum.data as Float32Array], [i + 1, i + 1]);
  }
  session.dispose();
});

Deno.test("OrtTensor.acquire() gives one handle until it is released", () => {
  const tensor = new OrtTensor(new Float32Array(3), [3], true);
  const handle = tensor.acquire();
  assert.equal(tensor.acquire(), handle);
  tensor.release();
  tensor.release();
  assert.ok(tensor.acquire() !== 0);
  tensor.release();
});

Deno.test("OrtTensor.acquire() refuses more dimensions than there is room for", () => {
  const tensor = ortTensor(new Float32Array(1), new Array<number>(9).fill(1));
  assert.throws(() => tensor.acquire(), /more than 8 dimensions/);
});

Deno.test("Session.run() fails when the session was freed, which can be done twice", () => {
  const session = new Session(twice, 1);
  session.dispose();
  session.dispose();
  assert.throws(() => session.run({ x: vector(1), y: vector(1) }, { sum: vector(0) }), /freed before/);
});
