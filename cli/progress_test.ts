import { assert } from "#test";
import { formatDuration, Progress } from "./progress.ts";

/** A place for progress with a clock that the test sets. */
function output(interactive: boolean, quiet = false, columns = 200) {
  const out = { text: "", time: 0 };
  const progress = new Progress({
    write: (text) => void (out.text += text),
    interactive,
    color: false,
    quiet,
    columns: () => columns,
    now: () => out.time,
  });
  return { out, progress };
}

const at = (done: number, tokens?: number) => ({
  task: "train grace",
  done,
  total: 100,
  unit: "steps",
  tokens,
});

Deno.test("Progress writes a plain line every ten seconds and at the end when there is no terminal", () => {
  const { out, progress } = output(false);
  for (let step = 0; step <= 100; step++) {
    out.time = step * 500;
    progress.update(at(step, step * 300));
  }
  const lines = out.text.split("\n");
  assert.equal(lines.pop(), "");
  assert.equal(lines.length, 5);
  assert.equal(lines[0], "train grace: 20/100 steps, 600 tokens/s, 40 s left");
  assert.equal(lines[4], "train grace: 100/100 steps, 600 tokens/s, done in 50 s");
  assert.ok(!out.text.includes("\x1b"), "no escape sequences");
});

Deno.test("Progress estimates the time left from this process's steps when a run was resumed", () => {
  const { out, progress } = output(false);
  progress.update(at(90));
  out.time = 20_000;
  progress.update(at(95));
  assert.equal(out.text, "train grace: 95/100 steps, 20 s left\n");
});

Deno.test("Progress rates tokens from the first report on: those before it took time that nobody measured", () => {
  const { out, progress } = output(false);
  progress.update(at(1, 5000));
  out.time = 20_000;
  progress.update(at(11, 25_000));
  assert.equal(out.text, "train grace: 11/100 steps, 1000 tokens/s, 2 min 58 s left\n");
});

Deno.test("Progress draws over its line on a terminal, at most ten times a second", () => {
  const { out, progress } = output(true);
  for (let ms = 0; ms <= 300; ms++) {
    out.time = ms;
    progress.update(at(ms / 10));
  }
  const drawn = out.text.split("\r\x1b[2K").slice(1);
  assert.equal(drawn.length, 4);
  assert.match(drawn[3]!, /^\[#{3}-{7}\] train grace: 30\/100 steps, /);
  assert.ok(!out.text.includes("\n"), "one line");
});

Deno.test("Progress tells which part of a run it shows, and the time left of the whole run where that is known", () => {
  const { out, progress } = output(true);
  progress.update({ ...at(1), whole: { place: "3/14", left: undefined } });
  out.time = 1000;
  progress.update({ ...at(2, 500), whole: { place: "3/14", left: undefined } });
  assert.match(out.text, /3\/14 train grace: 2\/100 steps, 500 tokens\/s, 1 min 38 s left$/);
  out.time = 2000;
  progress.update({ ...at(3, 1000), whole: { place: "3/14", left: 485 } });
  assert.match(out.text, /3\/14 train grace: 3\/100 steps, 500 tokens\/s, run 8 min 05 s left$/);
});

Deno.test("Progress lets the time left fall, not rise, while a unit is under way", () => {
  const { out, progress } = output(true);
  progress.update(at(0));
  out.time = 2000;
  progress.update(at(1));
  assert.match(out.text, /3 min 18 s left$/);
  out.time = 3000;
  progress.update(at(1, 900));
  assert.match(out.text, /, 300 tokens\/s, 3 min 17 s left$/);
});

Deno.test("Progress starts the clock anew when the unit changes", () => {
  const { out, progress } = output(true);
  progress.update({ ...at(99), unit: "texts" });
  out.time = 50_000;
  progress.update({ ...at(1), unit: "answers" });
  assert.ok(!out.text.includes("left"), "nothing is finished since the answers began");
});

Deno.test("Progress never draws wider than the terminal", () => {
  const { out, progress } = output(true, false, 40);
  progress.update(at(1));
  assert.ok(out.text.replace("\r\x1b[2K", "").length < 40);
});

Deno.test("Progress puts a remark on a line of its own when a bar is shown", () => {
  const { out, progress } = output(true);
  progress.update(at(1));
  progress.note("checkpoint written");
  assert.ok(out.text.endsWith("\r\x1b[2Kcheckpoint written\n"));
});

Deno.test("Progress writes nothing when it is quiet", () => {
  const { out, progress } = output(true, true);
  progress.update(at(1));
  progress.note("remark");
  progress.update(at(100));
  progress.end();
  assert.equal(out.text, "");
});

Deno.test("formatDuration() names two units when there are two", () => {
  assert.deepEqual([0, 59.4, 60, 200, 3599.7, 7500].map(formatDuration), [
    "0 s",
    "59 s",
    "1 min 00 s",
    "3 min 20 s",
    "1 h 00 min",
    "2 h 05 min",
  ]);
});
