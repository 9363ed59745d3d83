/**
 * Writes ONNX models: just enough of the protobuf encoding to build one small graph per op at start-up,
 * without a dependency on a protobuf library or on Python. Field numbers are those of onnx.proto3.
 *
 * @module
 */

/** ONNX element types that the engine uses (TensorProto.DataType). */
export const DataType = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  uint16: 4,
  bfloat16: 16,
} as const;

/** Attribute value of a node: a number is a float attribute, a bigint an integer, as ONNX distinguishes them. */
export type Attribute = number | bigint | string | readonly bigint[];

/** One operator of a graph. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Operator set; empty for the standard one, "com.microsoft" or "com.microsoft.nchwc" for ONNX Runtime's own. */
  readonly domain?: string;
}

/** A graph input or output; a dimension given as text is symbolic, to be bound at run time. */
export interface Value {
  readonly name: string;
  readonly type?: number;
  readonly shape: readonly (number | string)[];
}

/** A constant tensor of a graph. */
export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array | Int32Array;
}

/** A whole graph. */
export interface Graph {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly constants?: readonly Constant[];
}

/** An operator, with less to write where it has one output. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: string | readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
  domain = "",
): Node {
  return { op, inputs, outputs: typeof outputs === "string" ? [outputs] : outputs, attributes, domain };
}

const text = new TextEncoder();

class Writer {
  readonly bytes: number[] = [];

  varint(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      this.bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    this.bytes.push(Number(rest));
  }

  int(field: number, value: number | bigint): void {
    this.varint(BigInt(field << 3));
    this.varint(BigInt(value));
  }

  float(field: number, value: number): void {
    this.varint(BigInt(field << 3 | 5));
    this.bytes.push(...new Uint8Array(new Float32Array([value]).buffer));
  }

  block(field: number, content: ArrayLike<number>): void {
    this.varint(BigInt(field << 3 | 2));
    this.varint(BigInt(content.length));
    for (let i = 0; i < content.length; i++) this.bytes.push(content[i]!);
  }

  string(field: number, value: string): void {
    this.block(field, text.encode(value));
  }

  message(field: number, fill: (inner: Writer) => void): void {
    const inner = new Writer();
    fill(inner);
    this.block(field, inner.bytes);
  }
}

function writeAttribute(w: Writer, name: string, value: Attribute): void {
  w.string(1, name);
  if (typeof value === "number") {
    w.float(2, value);
    w.int(20, 1);
  } else if (typeof value === "bigint") {
    w.int(3, value);
    w.int(20, 2);
  } else if (typeof value === "string") {
    w.string(4, value);
    w.int(20, 3);
  } else {
    for (const item of value) w.int(8, item);
    w.int(20, 7);
  }
}

function writeValue(w: Writer, value: Value): void {
  w.string(1, value.name);
  w.message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.int(1, value.type ?? DataType.float32);
      tensor.message(2, (shape) => {
        for (const dim of value.shape) {
          shape.message(1, (d) => typeof dim === "number" ? d.int(1, dim) : d.string(2, dim));
        }
      });
    }));
}

function writeConstant(w: Writer, constant: Constant): void {
  for (const dim of constant.shape) w.int(1, dim);
  const { data } = constant;
  w.int(
    2,
    data instanceof Float32Array
      ? DataType.float32
      : data instanceof Int32Array
      ? DataType.int32
      : DataType.int64,
  );
  w.string(8, constant.name);
  w.block(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** Encodes a graph as an ONNX model (IR version 10, standard operator set 21, ONNX Runtime's own two at version 1). */
export function encodeModel(graph: Graph): Uint8Array<ArrayBuffer> {
  const model = new Writer();
  model.int(1, 10);
  model.message(7, (g) => {
    for (const node of graph.nodes) {
      g.message(1, (n) => {
        for (const input of node.inputs) n.string(1, input);
        for (const output of node.outputs) n.string(2, output);
        n.string(4, node.op);
        for (const [name, value] of Object.entries(node.attributes ?? {})) {
          n.message(5, (a) => writeAttribute(a, name, value));
        }
        if (node.domain) n.string(7, node.domain);
      });
    }
    g.string(2, "g");
    for (const constant of graph.constants ?? []) g.message(5, (c) => writeConstant(c, constant));
    for (const value of graph.inputs) g.message(11, (v) => writeValue(v, value));
    for (const value of graph.outputs) g.message(12, (v) => writeValue(v, value));
  });
  for (const [domain, version] of [["", 21], ["com.microsoft", 1], ["com.microsoft.nchwc", 1]] as const) {
    model.message(8, (o) => {
      o.string(1, domain);
      o.int(2, version);
    });
  }
  return new Uint8Array(model.bytes);
}
