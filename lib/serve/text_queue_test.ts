import { assert } from "#test";
import { NumericError } from "#errors";
import type { EmbeddedText } from "../rollout/embed.ts";
import { FakeEngine, fakeResult } from "./_fake_engine.ts";
import { TextQueue } from "./text_queue.ts";

function setUp(limits: { batch?: number; waiting?: number } = {}, engine = new FakeEngine()) {
  const queue = new TextQueue<EmbeddedText>(engine, { batch: 4, waiting: 100, ...limits });
  return { engine, queue };
}

const texts = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`);

Deno.test("TextQueue gives each request its own results, in order, whatever it shared its batches with", async () => {
  const { engine, queue } = setUp();
  const a = queue.submit(texts("a", 3)), b = queue.submit(texts("b", 2));
  const first = await engine.batch(0);
  assert.deepEqual(first.texts, ["a0", "b0", "a1", "b1"]);
  assert.deepEqual([queue.counts.waiting, queue.counts.running], [1, 4]);
  first.done(3);
  first.done(1);
  // Its last text is done: a request does not wait for the batch.
  assert.deepEqual(await b, texts("b", 2).map(fakeResult));
  first.end();
  (await engine.batch(1)).end();
  assert.deepEqual(await a, texts("a", 3).map(fakeResult));
  await queue.close();
  const { waiting, running, batches, done } = queue.counts;
  assert.deepEqual({ waiting, running, batches, done }, { waiting: 0, running: 0, batches: 2, done: 5 });
});

Deno.test("TextQueue takes one text of each request in turn, so that a large one keeps no small one waiting", async () => {
  const { engine, queue } = setUp({ batch: 3 });
  const large = queue.submit(texts("a", 8));
  const first = await engine.batch(0);
  const small = queue.submit(["b0"]);
  first.end();
  const second = await engine.batch(1);
  assert.deepEqual(second.texts, ["a3", "b0", "a4"]);
  second.end();
  await small;
  (await engine.batch(2)).end();
  await large;
  await queue.close();
});

Deno.test("TextQueue refuses what has no room, whole, with the time after which there may be", async () => {
  const { engine, queue } = setUp({ batch: 1, waiting: 3 });
  const first = queue.submit(["a0"]);
  const batch = await engine.batch(0);
  const second = queue.submit(texts("b", 2));
  await assert.rejects(queue.submit(texts("c", 2)), {
    status: 429,
    details: { code: "queue_full", retryAfter: 1 },
  });
  assert.equal(queue.counts.waiting, 2);
  const third = queue.submit(["d0"]);
  batch.end();
  for (const number of [1, 2, 3]) (await engine.batch(number)).end();
  await Promise.all([first, second, third]);
  assert.deepEqual(engine.batches.flatMap(({ texts }) => texts), ["a0", "b0", "d0", "b1"]);
  await queue.close();
});

Deno.test("TextQueue drops texts of a client that went away, and ends a batch that nobody waits for", async () => {
  const { engine, queue } = setUp({ batch: 2 });
  const gone = new AbortController(), other = new AbortController();
  const b = queue.submit(["b0"], other.signal), a = queue.submit(texts("a", 5), gone.signal);
  const first = await engine.batch(0);
  assert.deepEqual(first.texts, ["b0", "a0"]);
  gone.abort();
  await assert.rejects(a, { name: "AbortError" });
  assert.equal(queue.counts.waiting, 0);
  assert.ok(!first.signal.aborted, "b still waits");
  other.abort();
  await assert.rejects(b, { name: "AbortError" });
  assert.ok(first.signal.aborted);
  const late = new AbortController();
  const c = queue.submit(["c0"]), d = queue.submit(["d0"], late.signal);
  const second = await engine.batch(1);
  late.abort();
  second.done(0);
  assert.deepEqual(await c, [fakeResult("c0")]);
  await assert.rejects(d, { name: "AbortError" });
  assert.ok(second.signal.aborted, "who still waited has an answer");
  assert.equal(engine.batches.length, 2);
  await assert.rejects(queue.submit(["d0"], gone.signal), { name: "AbortError" });
  await queue.close();
});

Deno.test("TextQueue tries the requests of a failed batch one by one: only the one at fault fails", async () => {
  const engine = new FakeEngine((batch) => {
    const bad = batch.texts.indexOf("bad");
    if (bad < 0) return batch.end();
    batch.done(0);
    batch.fail(new NumericError("not finite", "check the weights"));
  });
  const { queue } = setUp({ batch: 8 }, engine);
  const outcomes = await Promise.allSettled([
    queue.submit(["a0", "a1"]),
    queue.submit(["b0", "bad", "b2", "b3", "b4", "b5"]),
    queue.submit(["c0"]),
  ]);
  assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.match(String((outcomes[1] as PromiseRejectedResult).reason), /not finite/);
  // What was done (a0) is not done again, and what is left of a failed request (b5) is not begun.
  assert.deepEqual(engine.batches.map(({ texts }) => texts), [
    ["a0", "b0", "c0", "a1", "bad", "b2", "b3", "b4"],
    ["a1"],
    ["b0", "bad", "b2", "b3", "b4"],
    ["c0"],
  ]);
  await queue.close();
});

Deno.test("TextQueue fails a request for which the engine has no result", async () => {
  const engine: FakeEngine = new FakeEngine();
  engine.run = () => Promise.resolve();
  await assert.rejects(setUp({}, engine).queue.submit(["a0"]), /without a result/);
});

Deno.test("TextQueue.close() finishes what has begun, and refuses the rest", async () => {
  const { engine, queue } = setUp({ batch: 2 });
  const begun = queue.submit(texts("a", 3));
  const first = await engine.batch(0);
  const waiting = queue.submit(["b0"]);
  const closed = queue.close();
  await assert.rejects(waiting, { status: 503, details: { code: "stopping" } });
  await assert.rejects(queue.submit(["c0"]), { status: 503 });
  first.end();
  (await engine.batch(1)).end();
  assert.equal((await begun).length, 3);
  await closed;
});
