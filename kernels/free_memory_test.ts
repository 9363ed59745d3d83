import process from "node:process";
import { assert } from "#test";
import { readMemory, underLimit } from "./free_memory.ts";

const gigabytes = (n: number) => n * 2 ** 30;
const machine = { total: gigabytes(64), available: gigabytes(40) };

Deno.test("underLimit() leaves what the limit has not given yet", () => {
  assert.deepEqual(underLimit(machine, gigabytes(8), gigabytes(3)), {
    total: gigabytes(8),
    available: gigabytes(5),
  });
});

Deno.test("underLimit() leaves no more than the machine has, and never less than nothing", () => {
  assert.deepEqual(underLimit(machine, gigabytes(60), gigabytes(1)), {
    total: gigabytes(60),
    available: gigabytes(40),
  });
  assert.equal(underLimit(machine, gigabytes(2), gigabytes(3)).available, 0);
});

Deno.test("underLimit() takes no limit, and those that are none, for what they are", () => {
  assert.deepEqual(underLimit(machine, 0, gigabytes(1)), machine);
  assert.deepEqual(underLimit(machine, 2 ** 63, gigabytes(1)), machine);
});

Deno.test("readMemory() tells the limit of the control group that this process is in", () => {
  const { total, available } = readMemory(), limit = process.constrainedMemory();
  assert.equal(
    total,
    limit > 0 ? Math.min(limit, Deno.systemMemoryInfo().total) : Deno.systemMemoryInfo().total,
  );
  assert(available > 0 && available < total, `${available} of ${total}`);
});
