import { assert } from "#test";
import { assemble } from "./wat.ts";

function exportsOf(text: string): Record<string, (...values: number[]) => number> & {
  memory: WebAssembly.Memory;
} {
  return new WebAssembly.Instance(new WebAssembly.Module(assemble(text))).exports as never;
}

Deno.test("assemble() makes functions that compute, loop and branch", () => {
  const { sum } = exportsOf(`(module
    (memory (export "memory") 0)
    ;; 1 + 2 + .. + n
    (func (export "sum") (param $n i32) (result i32)
      (local $total i32)
      (block $none
        (br_if $none (i32.eq (local.get $n) (i32.const 0)))
        (loop $next
          (local.set $total (i32.add (local.get $total) (local.get $n)))
          (br_if $next (i32.lt_u (i32.const 0)
            (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
      (local.get $total)))`);
  assert.deepEqual([0, 1, 4, 1000].map((n) => sum!(n)), [0, 1, 10, 500500]);
});

Deno.test("assemble() writes constants of any size as WebAssembly has them", () => {
  const constants = [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8193, 2 ** 31 - 1, -(2 ** 31)];
  const { at } = exportsOf(`(module
    (memory (export "memory") 0)
    (func (export "at") (param $i i32) (result i32)
      (local $found i32)
      ${
    constants.map((value, i) => `
      (local.set $found (select
        (i32.const ${value}) (local.get $found) (i32.eq (local.get $i) (i32.const ${i}))))`).join("")
  }
      (local.get $found)))`);
  assert.deepEqual(constants.map((_, i) => at!(i)), constants);
});

Deno.test("assemble() knows vectors, their lanes and places in memory", () => {
  const { memory, add } = exportsOf(`(module
    (memory (export "memory") 1)
    (func (export "add") (param $at i32) (param $to i32)
      (local $x v128)
      (local.set $x (v128.load offset=16 (local.get $at)))
      (v128.store offset=400 (local.get $to)
        (f32x4.add
          (v128.load32_splat (local.get $at))
          (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $x) (local.get $x))))))`);
  const floats = new Float32Array(memory.buffer);
  floats.set([100, 0, 0, 0, 1, 2, 3, 4], 2);
  add!(8, 32);
  assert.deepEqual([...floats.subarray(108, 112)], [102, 101, 104, 103]);
});

Deno.test("assemble() refuses what it does not know", () => {
  const module = (body: string) => `(module (memory (export "memory") 0) (func (export "f") ${body}))`;
  const cases = [
    [module("(local $x i32) (local.set $x (f64.const 1))"), /f64\.const/],
    [module("(local.set $x (i32.const 1))"), /no local \$x/],
    [module("(loop $a (br_if $b (i32.const 1)))"), /no label \$b/],
    [module("(local $x i64)"), /i64/],
    ["(component)", /component/],
    ["(module", /parentheses/],
  ] as const;
  for (const [text, message] of cases) assert.throws(() => assemble(text), message, text);
});
