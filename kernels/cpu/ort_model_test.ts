import { assert } from "#test";
import { encodeModel, type Graph, node } from "./onnx.ts";
import { openOrt } from "./ort_api.ts";
import { OrtModel } from "./ort_model.ts";

const graph: Graph = {
  inputs: [{ name: "first", shape: ["n", 2] }],
  outputs: [{ name: "negative", shape: ["n", 2] }],
  nodes: [node("Neg", ["first"], "negative")],
};

function withModel(content: Uint8Array, use: (path: string) => void): void {
  const path = Deno.makeTempFileSync({ suffix: ".onnx" });
  try {
    Deno.writeFileSync(path, content);
    use(path);
  } finally {
    Deno.removeSync(path);
  }
}

type Api = Record<"ReleaseSession" | "SessionGetOutputTypeInfo", (...values: number[]) => unknown>;

/** Puts `changed` in the place of a function of ONNX Runtime while `use` runs. */
function replacing(
  name: keyof Api,
  changed: (plain: Api[keyof Api]) => Api[keyof Api],
  use: () => void,
): void {
  const api = openOrt().api as unknown as Api, plain = api[name];
  api[name] = changed(plain);
  try {
    use();
  } finally {
    api[name] = plain;
  }
}

/** Sessions that are freed while `use` runs. */
function freedDuring(use: () => void): number {
  let freed = 0;
  replacing("ReleaseSession", (release) => (session) => {
    freed++;
    release(session!);
  }, use);
  return freed;
}

Deno.test("OrtModel says what goes in and comes out", () => {
  withModel(encodeModel(graph), (path) => {
    const model = new OrtModel(path, 1);
    assert.deepEqual(model.inputs, [{ name: "first", type: "float32", shape: [null, 2] }]);
    assert.deepEqual(model.outputs, [{ name: "negative", type: "float32", shape: [null, 2] }]);
    assert.equal(freedDuring(() => model.dispose()), 1);
  });
});

Deno.test("OrtModel frees its session when its outputs cannot be read", () => {
  withModel(encodeModel(graph), (path) => {
    const refuse = () => () => {
      throw new Error("no such output");
    };
    const load = () =>
      assert.throws(() => new OrtModel(path, 1), { name: "UsageError", message: /no such output$/ });
    const freed = freedDuring(() => replacing("SessionGetOutputTypeInfo", refuse, load));
    assert.equal(freed, 1);
  });
});
