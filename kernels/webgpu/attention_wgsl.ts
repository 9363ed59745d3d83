/**
 * What all attention kernels share: heads, the softmax, and how keys are numbered.
 *
 * **One softmax for all paths.** The keys of a sequence are cut at multiples of 32 positions. Each chunk gives, for itself
 * alone, the largest score m, l = Σ 2^(s − m) and a = Σ 2^(s − m)·v, always added in the same order; chunks are joined in
 * order by {@linkcode joinChunk}. The forward kernel joins as it goes, decoding joins in a second pass: the same numbers in the same
 * way, so the same bits. A chunk of which a query sees nothing gives m = `nothing`, l = 0, a = 0 and changes no bit, which
 * is why it may be left out. Every product that is added to something is an explicit `fma`, so that no compiler chooses.
 *
 * Keys are numbered within a chunk by g + 8·i: thread g of a row has keys g, g + 8, g + 16, g + 24, which lie in
 * different banks of workgroup memory. Scores are in base 2: keys are scaled by log2(e)/√headDim when they are loaded.
 *
 * @module
 */
import { chunk } from "./attention_plan.ts";
import { f32Literal, workgroupIndex } from "./wgsl.ts";

/** Threads that share a row of a tile; each has {@linkcode perThread} keys of a chunk. */
export const keyThreads = 8;

/** Rows and keys of a thread's part of a tile. */
export const perThread = chunk / keyThreads;

/** What kernels for one shape of heads have in common. */
export interface HeadSpec {
  readonly headDim: number;
  /** Query heads for each key/value head. */
  readonly group: number;
  /** Whether tensors can be read and written as vec4. */
  readonly vector: boolean;
}

/** Number of vec4 in a head. */
export const quads = (headDim: number): number => Math.ceil(headDim / 4);

/** Part of a name of a kernel that tells its {@linkcode HeadSpec}. */
export const specName = ({ headDim, group, vector }: HeadSpec): string =>
  `${headDim}/${group}${vector ? "" : "/scalar"}`;

/** `count` pieces of code. */
export function repeat(count: number, code: (i: number) => string, separator = "\n"): string {
  return Array.from({ length: count }, (_, i) => code(i)).join(separator);
}

/** Type of the binding of a tensor of heads. */
export const bindingType = <A extends "in" | "out">(access: A, { vector }: HeadSpec) =>
  `${access} ${vector ? "vec4<f32>" : "f32"}` as const;

/** `fetch_NAME(at, d)`: elements 4d to 4d + 3 of head `at`, counted over all rows; 0 past the head's end. */
export function fetch(name: string, { headDim, vector }: HeadSpec): string {
  if (vector) {
    return `fn fetch_${name}(at: u32, d: u32) -> vec4<f32> { return ${name}[p.${name}_base + at * ${
      quads(headDim)
    }u + d]; }`;
  }
  const element = (i: number) => `select(0.0f, ${name}[e + ${i}u], 4u * d + ${i}u < ${headDim}u)`;
  return `fn fetch_${name}(at: u32, d: u32) -> vec4<f32> {
  let e = p.${name}_base + at * ${headDim}u + 4u * d;
  return vec4<f32>(${repeat(4, element, ", ")});
}`;
}

/** `store_NAME(at, d, value)`, the opposite of {@linkcode fetch}. */
export function store(name: string, { headDim, vector }: HeadSpec): string {
  if (vector) {
    return `fn store_${name}(at: u32, d: u32, value: vec4<f32>) { ${name}[p.${name}_base + at * ${
      quads(headDim)
    }u + d] = value; }`;
  }
  const element = (i: number) => `if (4u * d + ${i}u < ${headDim}u) { ${name}[e + ${i}u] = value[${i}]; }`;
  return `fn store_${name}(at: u32, d: u32, value: vec4<f32>) {
  let e = p.${name}_base + at * ${headDim}u + 4u * d;
  ${repeat(4, element)}
}`;
}

// Coefficients of 2^f for |f| <= 1/2 (Cephes, exp2f.c): 2e-7 relative.
const exp2Of = (type: "f32" | "vec4<f32>", ints: "i32" | "vec4<i32>") => {
  const c = (value: number) => `${type}(${f32Literal(value)})`;
  return `
  let limited = select(x, ${c(-126)}, x < ${c(-126)});
  let whole = round(limited);
  let f = limited - whole;
  var y = ${c(1.535336188319500e-4)};
  y = fma(y, f, ${c(1.339887440266574e-3)});
  y = fma(y, f, ${c(9.618437357674640e-3)});
  y = fma(y, f, ${c(5.550332471162809e-2)});
  y = fma(y, f, ${c(2.402264791363012e-1)});
  y = fma(y, f, ${c(6.931472028550421e-1)});
  y = fma(y, f, ${c(1)});
  return select(y * bitcast<${type}>((${ints}(whole) + ${ints}(127)) << ${
    ints === "i32" ? "23u" : "vec4<u32>(23u)"
  }), ${type}(), x < ${c(-126)});`;
};

/**
 * Constants and functions of the softmax. 2^x is a polynomial of our own, for x <= 127: 2^0 has to be exactly 1, which no
 * adapter promises of the built-in one, and its size of error differs. A NaN stays one.
 */
export const softmaxFunctions = `
const nothing = -1e30f;
fn power(x: f32) -> f32 {${exp2Of("f32", "i32")}
}
fn powers(x: vec4<f32>) -> vec4<f32> {${exp2Of("vec4<f32>", "vec4<i32>")}
}
`;

/**
 * Joins `chunk_top` and `chunk_total`, m and l of a chunk, to `top` and `total`, those of all chunks before it. Values are to
 * be joined as totals are: sum ← fma(sum, old_factor, a · new_factor).
 *
 * @param power `power` for one row, `powers` for four
 */
export const joinChunk = (power: "power" | "powers"): string => `
    let next_top = max(top, chunk_top);
    let old_factor = ${power}(top - next_top);
    let new_factor = ${power}(chunk_top - next_top);
    top = next_top;
    total = fma(total, old_factor, chunk_total * new_factor);`;

/** Factor on keys, see the module comment. */
export const keyScale = (headDim: number): string => f32Literal(Math.LOG2E / Math.sqrt(headDim));

/** Entry point of a kernel whose workgroups, spread over x and y, have `threads` threads each. */
export const entryPoint = (threads: number, body: string): string =>
  `${workgroupIndex}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let work = workgroup_index(group, groups);
${body}
}`;
