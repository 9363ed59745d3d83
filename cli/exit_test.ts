import { CheckFailedError, MissingError, NumericError, UsageError } from "#errors";
import { assert } from "#test";
import { explainError } from "./exit.ts";

const plain = { color: false, debug: false };

Deno.test("explainError() gives message, cure and code of an error that the user can act on", () => {
  const codes = [CheckFailedError, UsageError, MissingError, NumericError]
    .map((kind) => explainError(new kind("what went wrong", "what to do"), plain));
  assert.deepEqual(codes.map(({ exitCode }) => exitCode), [1, 2, 3, 4]);
  for (const { text } of codes) assert.equal(text, "error: what went wrong\n  what to do\n");
});

Deno.test("explainError() gives 70 and the way to a trace when the error is a defect", () => {
  const error = new TypeError("x is undefined", { cause: new Error("the root") });
  const { exitCode, text } = explainError(error, plain);
  assert.equal(exitCode, 70);
  assert.match(text, /^internal error: TypeError: x is undefined\n.*GRACE_DEBUG=1.*\n$/);
  const traced = explainError(error, { color: false, debug: true }).text;
  assert.match(traced, /exit_test\.ts:\d+/);
  assert.match(traced, /Caused by: Error: the root/);
});

Deno.test("explainError() gives 3 and a cure when the system refuses to read or write", () => {
  const folder = Deno.makeTempDirSync(), file = `${folder}/file`;
  const thrown = (call: () => unknown) => {
    try {
      call();
    } catch (error) {
      return explainError(error, plain);
    }
    throw new Error("nothing was refused");
  };
  try {
    Deno.writeTextFileSync(file, "");
    const endings = [
      () => Deno.mkdirSync(`${file}/inside`),
      () => Deno.mkdirSync(file),
      () => Deno.readFileSync(folder),
    ]
      .map(thrown);
    endings.push(
      explainError(
        Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" }),
        plain,
      ),
    );
    const cures = [
      /a part of it is a file/,
      /where a folder is needed/,
      /where a file is needed/,
      /the same command continues/,
    ];
    for (const [i, { exitCode, text }] of endings.entries()) {
      assert.equal(exitCode, 3, text);
      assert.match(text, /^error: the system refused: .+\n {2}.+\n$/);
      assert.match(text, cures[i]!);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("explainError() tells what went wrong first where closing a file failed too", () => {
  const full = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  const aborted = AbortSignal.abort().reason, defect = new TypeError("x is undefined");
  const explained = (error: unknown, first: unknown, debug = false) =>
    explainError(new SuppressedError(error, first), { color: false, debug });
  assert.match(explained(defect, full).text, /^error: the system refused: No space left/);
  assert.match(explained(full, new SuppressedError(full, defect)).text, /^internal error: TypeError: x is/);
  // An interrupted run whose last records were not written is not fine.
  assert.match(explained(full, aborted).text, /^error: the system refused: No space left/);
  assert.equal(explained(aborted, aborted).exitCode, 130);
  assert.match(explained(defect, full, true).text, /First: Error: No space left[^]*Then: TypeError: x is/);
});

Deno.test("explainError() gives 70 when something that is no error was thrown", () => {
  assert.equal(explainError("a string", plain).exitCode, 70);
});

Deno.test("explainError() gives 130 when the job was aborted", () => {
  const { exitCode, text } = explainError(AbortSignal.abort().reason, plain);
  assert.equal(exitCode, 130);
  assert.match(text, /^Interrupted/);
});

Deno.test("explainError() is silent when the reader of a pipe has gone", () => {
  assert.deepEqual(explainError(new Deno.errors.BrokenPipe(), plain), { exitCode: 0, text: "" });
});

Deno.test("explainError() colours only the label, and only when asked to", () => {
  const { text } = explainError(new UsageError("message", "cure"), { color: true, debug: false });
  assert.equal(text, "\x1b[31merror:\x1b[39m message\n  cure\n");
});
