import { assert } from "#test";
import { MissingError } from "#errors";
import { findAdapter, openAdapter } from "./adapter.ts";
import { periodOf, timestampPeriod } from "./timestamp_period.ts";

/** Moments 25 ms apart, of which the host noted some late by so many milliseconds. */
const moments = (period: number, late: readonly number[] = []) =>
  Array.from({ length: 5 }, (_, i) => ({
    hostNanoseconds: 1e6 * (1000 + 25 * i + (late[i] ?? 0)),
    ticks: BigInt(Math.round((7e12 + 25e6 * i) / period)),
  }));

Deno.test("periodOf() tells nanoseconds from the ticks of AMD and Intel", () => {
  assert.equal(periodOf(moments(1)), 1);
  for (const period of [10, 52.083, 83.333]) {
    assert.ok(Math.abs(periodOf(moments(period)) / period - 1) < 1e-6, `${period}`);
  }
});

Deno.test("periodOf() takes what two clocks cannot tell from nanoseconds for nanoseconds", () => {
  assert.equal(periodOf(moments(1, [0.1, 0, 0.4, 0.2, 0])), 1);
  assert.notEqual(periodOf(moments(1.05)), 1);
});

Deno.test("periodOf() is not moved by one moment that the host was late for", () => {
  assert.equal(periodOf(moments(1, [0, 0, 0, 400, 0])), 1);
  assert.ok(Math.abs(periodOf(moments(10, [90, 0, 0, 0, 0])) - 10) < 0.1);
});

Deno.test("periodOf() throws when ticks stand still or go back", () => {
  const still = moments(1).map((mark) => ({ ...mark, ticks: 5n }));
  const back = moments(1).map((mark) => ({ ...mark, ticks: 10n ** 15n - mark.ticks }));
  for (const wrong of [still, back, []]) assert.throws(() => periodOf(wrong), MissingError);
});

Deno.test({
  name: "timestampPeriod() is 1 on an adapter that counts nanoseconds",
  // Of the adapters that the tests run on, llvmpipe is known to.
  ignore: (await findAdapter())?.software !== true,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const { device } = await openAdapter();
    assert.equal(await timestampPeriod(device), 1);
    device.destroy();
  },
});
