import { assert } from "#test";
import { pythonSplit, pythonStrip } from "./python_strip.ts";

Deno.test("pythonStrip() and pythonSplit() take for space what Python does, and no more", () => {
  assert.equal(pythonStrip("\x1c\x85 a\u00a0b\u3000\n"), "a\u00a0b");
  assert.equal(pythonStrip("\ufeffa\u200b"), "\ufeffa\u200b");
  assert.deepEqual(pythonSplit(" a\x1fb\u2029 c\ufeffd\n"), ["a", "b", "c\ufeffd"]);
  assert.deepEqual(pythonSplit(" \n"), []);
});
