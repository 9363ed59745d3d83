import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { type Checking, describeProblem, runCheck } from "./check.ts";

const check = (body: (it: Checking) => void | Promise<void>) =>
  runCheck("journal", "a check", "things", body);

Deno.test("runCheck() never says ok of what was not looked at", async () => {
  assert.equal((await check(() => {})).status, "not possible");
  assert.equal((await check((it) => it.count())).status, "ok");
  const missing = await check((it) => {
    it.count();
    throw new MissingError("no data", "pull them");
  });
  assert.deepEqual([missing.status, missing.why], ["not possible", "no data; pull them"]);
  const later = await check((it) => it.notReached("step 3 is to come"));
  assert.deepEqual([later.status, later.why, later.checked], ["not reached", "step 3 is to come", 0]);
});

Deno.test("runCheck() fails where there is a problem, however the check ended", async () => {
  for (const end of [() => {}, (it: Checking) => it.notPossible("x"), (it: Checking) => it.differs("y")]) {
    const { status, problems } = await check((it) => {
      it.same({ file: "a", at: "step 1", field: "b" }, 1, 2);
      end(it);
    });
    assert.equal(status, "failed");
    assert.deepEqual(problems, [{ file: "a", at: "step 1", field: "b", stored: 1, found: 2 }]);
  }
  for (const thrown of [new UsageError("damaged", "restore it"), new RangeError("too deep")]) {
    const { status, problems } = await check(() => {
      throw thrown;
    });
    assert.equal(status, "failed");
    assert.match(describeProblem(problems[0]!), /damaged|cannot be processed: RangeError: too deep/);
  }
});

Deno.test("runCheck() counts all problems and keeps the first, and lets an abort through", async () => {
  const { problems, problemCount } = await check((it) => {
    for (let i = 0; i < 1000; i++) it.problem({ at: `line ${i}`, what: "is wrong" });
  });
  assert.deepEqual([problems.length, problemCount], [20, 1000]);
  await assert.rejects(
    check(() => {
      throw new DOMException("stopped", "AbortError");
    }),
    { name: "AbortError" },
  );
});

Deno.test("describeProblem() says where, what is stored and what was found, however long it is", () => {
  assert.equal(
    describeProblem({ file: "steps.jsonl", at: "step 2", field: "loss", stored: 1.5, found: 1.25 }),
    "steps.jsonl, step 2, loss: stored 1.5, found 1.25",
  );
  assert.match(
    describeProblem({ stored: "x".repeat(1e6), found: undefined }),
    /^stored "x{99}…, found nothing$/,
  );
});
