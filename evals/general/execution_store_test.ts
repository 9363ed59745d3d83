import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { ExecutionStore, readExecutions } from "./execution_store.ts";

Deno.test("ExecutionStore keeps endings over a restart, and belongs to one sandbox", async () => {
  const folder = await Deno.makeTempDir();
  try {
    assert.throws(() => readExecutions(folder), MissingError);
    {
      using store = ExecutionStore.open(folder, "s");
      store.add("p", { kind: "raised", detail: "d" });
    }
    using again = ExecutionStore.open(folder, "s");
    assert.deepEqual([again.has("p"), again.has("q")], [true, false]);
    again.add("q", { kind: "returned" });
    const executions = readExecutions(folder);
    assert.deepEqual([executions("p"), executions("q")], [{ kind: "raised", detail: "d" }, {
      kind: "returned",
    }]);
    assert.throws(() => executions("r"), MissingError);
    assert.throws(() => ExecutionStore.open(folder, "other limits"), UsageError);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
