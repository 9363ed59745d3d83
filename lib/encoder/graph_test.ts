import { UsageError } from "#errors";
import { assert } from "#test";
import { DataType, encodeModel, type Graph, node, type Value } from "../../kernels/cpu/onnx.ts";
import { EncoderGraph } from "./graph.ts";

const sequence: Value = { name: "input_ids", type: DataType.int64, shape: ["batch", "sequence"] };

/** Each id as a vector of one number. */
function idGraph(input: Value = sequence, output = "last_hidden_state", rank = 3): Graph {
  const cast = node("Cast", [input.name], rank === 2 ? output : "floats", { to: 1n });
  // Compress, because the width of what it gives is not told by the graph.
  const widen = [
    node("Unsqueeze", ["floats", "last"], "wide"),
    node("Cast", ["one"], "keep", { to: BigInt(DataType.bool) }),
    node("Compress", ["wide", "keep"], output, { axis: 2n }),
  ];
  const constant = (name: string, value: bigint) => ({
    name,
    shape: [1],
    data: new BigInt64Array([value]),
  });
  return {
    inputs: [input],
    outputs: [{ name: output, shape: rank === 2 ? ["batch", "sequence"] : ["batch", "sequence", "width"] }],
    nodes: rank === 2 ? [cast] : [cast, ...widen],
    constants: rank === 2 ? [] : [constant("last", -1n), constant("one", 1n)],
  };
}

function withGraph(graph: Graph, use: (path: string) => void): void {
  const path = Deno.makeTempFileSync({ suffix: ".onnx" });
  try {
    Deno.writeFileSync(path, encodeModel(graph));
    use(path);
  } finally {
    Deno.removeSync(path);
  }
}

const text = (...ids: number[]) => ({ ids, types: ids.map(() => 0), truncated: false });

Deno.test("EncoderGraph.run() gives every token of every text its place, for ids of either size", () => {
  for (const type of [DataType.int64, DataType.int32]) {
    withGraph(idGraph({ ...sequence, type }), (path) => {
      const graph = new EncoderGraph(path, 1, 1);
      assert.equal(graph.pooled, false);
      assert.deepEqual([...graph.run([text(1, 2, 3), text(4, 5, 6)])], [1, 2, 3, 4, 5, 6]);
      graph.dispose();
    });
  }
});

Deno.test("EncoderGraph() takes the vector of the text where the graph gives one", () => {
  withGraph(idGraph(sequence, "sentence_embedding", 2), (path) => {
    const graph = new EncoderGraph(path, 1, 3);
    assert.equal(graph.pooled, true);
    assert.deepEqual([...graph.run([text(7, 8, 9)])], [7, 8, 9]);
    graph.dispose();
  });
});

Deno.test("EncoderGraph.run() tells when the graph is not what its files say", () => {
  withGraph(idGraph(), (path) => {
    // Vectors of two numbers are asked for; the graph gives one.
    const graph = new EncoderGraph(path, 1, 2);
    assert.throws(() => graph.run([text(1, 2)]), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /fails on 1 texts of 2 tokens/);
      return true;
    });
    graph.dispose();
  });
});

Deno.test("EncoderGraph() refuses inputs and outputs that it does not know", () => {
  const cases: [Graph, RegExp][] = [
    [idGraph({ ...sequence, name: "position_ids" }), /an input "position_ids", which is not known/],
    [idGraph({ ...sequence, name: "attention_mask" }), /no input "input_ids"/],
    [idGraph({ ...sequence, type: DataType.float32 }), /"input_ids" of ".*" is float32/],
    [idGraph({ ...sequence, shape: ["batch", 128] }), /fixed size \[\?,128\]/],
    [idGraph(sequence, "logits"), /has the outputs logits/],
    [idGraph(sequence, "last_hidden_state", 2), /is float32 with 2 dimensions/],
  ];
  for (const [graph, message] of cases) {
    withGraph(graph, (path) => assert.throws(() => new EncoderGraph(path, 1, 1), message));
  }
  withGraph(idGraph(), (path) => {
    assert.throws(() => new EncoderGraph(path, 1, undefined), /how wide "last_hidden_state" is/);
  });
});
