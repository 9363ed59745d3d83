import { assert } from "#test";
import { node } from "./onnx.ts";
import { Session } from "./ort.ts";
import { Pool } from "./tensor.ts";

const sum = () =>
  new Session({
    inputs: [{ name: "x", shape: ["n", "k"] }],
    outputs: [{ name: "y", shape: ["n", "k"] }],
    nodes: [node("Add", ["x", "x"], "y")],
  }, 1);

Deno.test("CpuTensor.ortAs() gives the same form of a tensor while its memory lasts, and another of other memory", () => {
  const pool = new Pool(), tensor = pool.alloc([4, 6], "f32");
  const whole = tensor.ortAs([2, 12]), part = tensor.ortAs([2, 6], 12);
  assert.equal(tensor.ortAs([2, 12]), whole);
  assert.equal(tensor.ortAs([2, 6], 12), part);
  assert.notEqual(tensor.ortAs([2, 6]), part);
  assert.deepEqual([part.data.length, part.data.byteOffset], [12, 48]);
  pool.release(tensor);
  const same = pool.alloc([4, 6], "f32");
  assert.equal(same.ortAs([2, 12]), whole, "of the tensor that has the memory now");
  pool.release(same);
  const other = pool.alloc([5, 5], "f32");
  assert.equal(other.slab, tensor.slab);
  assert.notEqual(other.ortAs([2, 12]), whole);
  pool.release(other);
});

Deno.test("CpuTensor.ortAs() sees what is in the memory, also in the first of more forms than are kept", () => {
  const pool = new Pool(), session = sum(), x = pool.alloc([100, 3], "f32"), y = pool.alloc([1, 3], "f32");
  for (let round = 1; round <= 2; round++) {
    for (let i = 0; i < x.size; i++) x.f32[i] = round * i;
    for (let row = 0; row < 100; row++) {
      session.run({ x: x.ortAs([1, 3], 3 * row) }, { y: y.ortAs([1, 3]) });
      assert.deepEqual([...y.f32], [0, 1, 2].map((column) => 2 * round * (3 * row + column)));
    }
  }
  session.dispose();
});

Deno.test("CpuTensor.ortAs() of a view reads its own rows", () => {
  const pool = new Pool(), session = sum(), x = pool.alloc([4, 2], "f32"), y = pool.alloc([2, 2], "f32");
  x.f32.set([1, 2, 3, 4, 5, 6, 7, 8]);
  session.run({ x: x.rows(1, 3).ortAs([1, 4]) }, { y: y.ortAs([1, 4]) });
  assert.deepEqual([...y.f32], [6, 8, 10, 12]);
  session.dispose();
});

Deno.test("CpuTensor.ortAs() finds the chunks of a large vocabulary again, which are asked for in turn", () => {
  const pool = new Pool(), chunks = 256_000 / 4096, head = pool.alloc([Math.ceil(chunks), 2], "f32");
  const forms = () => Array.from({ length: head.shape[0]! }, (_, chunk) => head.ortAs([1, 2], 2 * chunk));
  const first = forms(), second = forms();
  assert.ok(first.every((form, i) => form === second[i]));
});
