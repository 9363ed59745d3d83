import { assert } from "#test";
import { mostSeconds, RunTime } from "./run_time.ts";

/** Asks after each of the given pauses, in milliseconds, and returns how often until the time was over. */
function questions(seconds: number, pauses: Iterable<number>): number {
  let now = 5, count = 0;
  const time = new RunTime(seconds, () => now);
  for (const pause of pauses) {
    now += pause;
    count++;
    if (time.isOver()) return count;
  }
  return Infinity;
}

const always = function* (pause: number) {
  for (;;) yield pause;
};

Deno.test("RunTime is over when a program has computed for as long as its limit", () => {
  assert.equal(questions(2, always(0.5)), 4001);
});

Deno.test("RunTime does not count what the machine did meanwhile", () => {
  // A tenth of the time is the program's; once the whole machine sleeps for ten seconds.
  const busy = [...Array(90).fill([5, 5, 90]).flat(), 10_000];
  assert.equal(questions(2, busy), Infinity);
});

Deno.test("RunTime ends at last even where little of it counts", () => {
  assert.equal(questions(1, always(200)), 51);
  assert.equal(mostSeconds(1), 10);
});
