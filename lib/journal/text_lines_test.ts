import { assert } from "#test";
import { textLines } from "./text_lines.ts";

Deno.test("textLines() hands out lines of any length with where they end, and what stands behind the last", () => {
  const long = "é".repeat(800_000);
  for (
    const lines of [[], ["a"], ["a", "", "\u2028b\r"], [long, "x", long, long], [
      "x".repeat((1 << 20) - 1),
      "y",
    ]]
  ) {
    for (const rest of ["", "torn", long]) {
      const path = Deno.makeTempFileSync();
      try {
        Deno.writeTextFileSync(path, lines.map((line) => `${line}\n`).join("") + rest);
        const found = [...textLines(path)];
        const whole = found.filter(({ complete }) => complete);
        assert.ok(JSON.stringify(whole.map(({ text }) => text)) === JSON.stringify(lines));
        assert.equal(found.length - whole.length, rest === "" ? 0 : 1);
        if (rest !== "") assert.ok(found.at(-1)!.text === rest && !found.at(-1)!.complete);
        let end = 0;
        const ends = [...lines.map((line) => `${line}\n`), ...rest === "" ? [] : [rest]].map((line) =>
          end += new TextEncoder().encode(line).length
        );
        assert.deepEqual(found.map((line) => line.end), ends);
      } finally {
        Deno.removeSync(path);
      }
    }
  }
});

Deno.test("textLines() refuses a line that is longer than it may be, without reading all of it", () => {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, `short\n${"x".repeat(5 << 20)}`);
    const lines: string[] = [];
    assert.throws(() => {
      for (const { text } of textLines(path, 1 << 20)) lines.push(text);
    }, /a line of more than 1048576 bytes at byte 6/);
    assert.deepEqual(lines, ["short"]);
  } finally {
    Deno.removeSync(path);
  }
});
