import { assert } from "#test";
import { withLoopGuard } from "./loop_guard.ts";
import { joined, leb, moduleOf } from "./wasm_binary.ts";

/**
 * (module (import "e" "ask" (func (result i32))) (global (mut i32) (i32.const 7))
 *   (func (export "count") (param i32) (result i32) BODY))
 */
function moduleWith(body: readonly number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 0x0b];
  return moduleOf([
    { id: 1, content: [2, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f] },
    { id: 2, content: [1, 1, 0x65, 3, 0x61, 0x73, 0x6b, 0, 0] },
    { id: 3, content: [1, 1] },
    { id: 6, content: [1, 0x7f, 1, 0x41, 7, 0x0b] },
    { id: 7, content: [1, 5, ...new TextEncoder().encode("count"), 0, 1] },
    { id: 10, content: joined([[1], leb(code.length), code]) },
  ].map(({ id, content }) => ({ id, content: Uint8Array.from(content) })));
}

/** Counts the global up to the parameter and returns it: (loop (br_if 0 (i32.lt_u (count up) (local.get 0)))). */
const LOOP = [
  ...[0x03, 0x40, 0x23, 0, 0x41, 1, 0x6a, 0x24, 0],
  ...[0x23, 0, 0x20, 0, 0x49, 0x0d, 0, 0x0b, 0x23, 0],
];

/** The same by a tail call of itself. */
const TAIL_CALL = [
  ...[0x23, 0, 0x20, 0, 0x49, 0x04, 0x40, 0x23, 0, 0x41, 1, 0x6a, 0x24, 0],
  ...[0x20, 0, 0x12, 1, 0x0b, 0x23, 0],
];

for (const [name, body] of [["a loop", LOOP], ["tail calls", TAIL_CALL]] as const) {
  Deno.test(`withLoopGuard() leaves the result of ${name} alone, and stops it when it is told to`, () => {
    const guarded = new WebAssembly.Module(withLoopGuard(moduleWith(body), "ask"));
    let asked = 0, last = Infinity;
    const { exports } = new WebAssembly.Instance(guarded, { e: { ask: () => Number(++asked > last) } });
    const count = exports["count"] as (to: number) => number;
    assert.equal(count(1_000_000), 1_000_000);
    assert.ok(asked > 100 && asked < 1000, `asked ${asked} times`);
    last = asked + 3;
    assert.throws(() => count(-1), (error) => error instanceof WebAssembly.RuntimeError);
    assert.equal(asked, last + 1);
  });
}

Deno.test("withLoopGuard() refuses modules that it does not understand or that cannot ask", () => {
  assert.throws(() => withLoopGuard(moduleWith([0x27]), "ask"), /unknown WebAssembly instruction 27/);
  assert.throws(() => withLoopGuard(moduleWith(LOOP), "other"), /does not import "other"/);
});
