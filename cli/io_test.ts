import { assert } from "#test";
import { wantsColor, writeRemark, writeText } from "./io.ts";

Deno.test("wantsColor() obeys the flag, then NO_COLOR, then the terminal", () => {
  const env = (variables: Record<string, string>) => (name: string) => variables[name];
  assert.equal(wantsColor("auto", true, env({ TERM: "xterm" })), true);
  assert.equal(wantsColor("auto", false, env({ TERM: "xterm" })), false);
  assert.equal(wantsColor("auto", true, env({ NO_COLOR: "1" })), false);
  assert.equal(wantsColor("auto", true, env({ NO_COLOR: "" })), true, "an empty NO_COLOR says nothing");
  assert.equal(wantsColor("auto", true, env({ TERM: "dumb" })), false);
  assert.equal(wantsColor("always", false, env({ NO_COLOR: "1" })), true);
  assert.equal(wantsColor("never", true, env({})), false);
});

Deno.test("writeText() writes everything when the stream takes a few bytes at a time", () => {
  const written: number[] = [];
  writeText({
    writeSync(bytes) {
      written.push(...bytes.subarray(0, 3));
      return Math.min(3, bytes.length);
    },
  }, "grüße aus Köln");
  assert.equal(new TextDecoder().decode(new Uint8Array(written)), "grüße aus Köln");
});

Deno.test("writeText() waits for a stream that is full and does not block", () => {
  let written = "", full = 3;
  writeText({
    writeSync(bytes) {
      if (full-- > 0) throw new Deno.errors.WouldBlock();
      full = 2;
      written += new TextDecoder().decode(bytes.subarray(0, 4));
      return Math.min(4, bytes.length);
    },
  }, "twelve bytes");
  assert.equal(written, "twelve bytes");
});

Deno.test("writeRemark() does not mind that nobody reads, writeText() does", () => {
  const gone = {
    writeSync(): number {
      throw new Deno.errors.BrokenPipe();
    },
  };
  writeRemark(gone, "half done");
  assert.throws(() => writeText(gone, "a result"), Deno.errors.BrokenPipe);
});
