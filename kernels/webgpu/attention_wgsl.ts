/**
 * What the attention kernels share: WGSL, and how it is generated.
 *
 * **One softmax for all paths.** The keys of a sequence are cut at multiples of 32 positions. Each chunk gives, for itself
 * alone, the largest score m, l = Σ 2^(s − m) and a = Σ 2^(s − m)·v, always added in the same order; chunks are joined in
 * order by `join` below. The forward kernel joins as it goes, decoding joins in a second pass: the same numbers in the same
 * way, so the same bits. A chunk of which a query sees nothing gives m = `nothing`, l = 0, a = 0 and changes no bit, which
 * is why it may be left out. Every product that is added to something is an explicit `fma`, so that no compiler chooses.
 *
 * Keys are numbered within a chunk by g + 8·i: thread g of a row has keys g, g + 8, g + 16, g + 24, which lie in
 * different banks of workgroup memory. Scores are in base 2: keys are scaled by log2(e)/√headDim when they are loaded.
 *
 * Kernels are generated with all register arrays as variables of their own: naga checks the bounds of every indexed
 * access, and drivers keep arrays that are indexed so in memory.
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
  let limited = max(x, ${c(-126)});
  let whole = round(limited);
  let f = limited - whole;
  var y = ${c(1.535336188319500e-4)};
  y = fma(y, f, ${c(1.339887440266574e-3)});
  y = fma(y, f, ${c(9.618437357674640e-3)});
  y = fma(y, f, ${c(5.550332471162809e-2)});
  y = fma(y, f, ${c(2.402264791363012e-1)});
  y = fma(y, f, ${c(6.931472028550421e-1)});
  y = fma(y, f, ${c(1)});
  return select(${type}(), y * bitcast<${type}>((${ints}(whole) + ${ints}(127)) << ${
    ints === "i32" ? "23u" : "vec4<u32>(23u)"
  }), x >= ${c(-126)});`;
};

/**
 * Constants and functions of the softmax. 2^x is a polynomial of our own, for x <= 127: 2^0 has to be exactly 1, which no
 * adapter promises of the built-in one, and its size of error differs.
 */
export const softmaxFunctions = `
const nothing = -1e30f;
fn power(x: f32) -> f32 {${exp2Of("f32", "i32")}
}
fn powers(x: vec4<f32>) -> vec4<f32> {${exp2Of("vec4<f32>", "vec4<i32>")}
}
`;

/** Factor on keys, see the module comment. */
export const keyScale = (headDim: number): string => f32Literal(Math.LOG2E / Math.sqrt(headDim));

/** A run of columns of a head, counted in vec4, that fits into workgroup memory at once. */
export interface Section {
  readonly first: number;
  readonly width: number;
}

/** The columns of a head in sections of at most `most` vec4. */
export function sectionsOf(headDim: number, most: number): Section[] {
  const all = quads(headDim), count = Math.ceil(all / most), width = Math.ceil(all / count);
  return Array.from(
    { length: count },
    (_, i) => ({ first: i * width, width: Math.min(width, all - i * width) }),
  ).filter(({ width }) => width > 0);
}

/** Sections with their number, and how a thread's accumulators for them are named. */
export function* columnsOf(sections: readonly Section[]) {
  for (const [s, section] of sections.entries()) {
    const count = Math.ceil(section.width / keyThreads);
    for (let c = 0; c < count; c++) yield { s, c, section };
  }
}

/** Width of a row of a tile in workgroup memory: odd, so that rows start in different banks. */
export const tileStride = (sections: readonly Section[]): number => {
  const widest = Math.max(...sections.map(({ width }) => width));
  return widest + 1 - widest % 2;
};

/** Declaration of a tile of {@linkcode chunk} rows. */
export const tileMemory = (name: string, sections: readonly Section[]): string =>
  `var<workgroup> ${name}: array<vec4<f32>, ${chunk * tileStride(sections)}>;`;

/**
 * Loads the columns of a section of {@linkcode chunk} rows into a tile; all threads together.
 *
 * @param value WGSL for element `d` of row `row` of the chunk, where `valid` holds; elsewhere the tile gets 0
 */
export function loadTile(
  name: string,
  sections: readonly Section[],
  { first, width }: Section,
  threads: number,
  { valid, value }: { valid: string; value: string },
): string {
  const count = chunk * width, rounds = Math.ceil(count / threads);
  return `
  for (var turn = 0u; turn < ${rounds}u; turn++) {
    let e = local + turn * ${threads}u;
    let row = e / ${width}u;
    let d = ${first}u + e % ${width}u;
    ${count % threads === 0 ? "" : `if (e >= ${count}u) { break; }`}
    var loaded = vec4<f32>();
    if (${valid}) { loaded = ${value}; }
    ${name}[row * ${tileStride(sections)}u + e % ${width}u] = loaded;
  }`;
}

/**
 * Adds to the thread's part of a matrix of dot products: `NAMEij` += row i · tile row j over the columns of a section, one
 * column after the other.
 */
export function dotProducts(
  parts: readonly { sums: string; tile: string; fetch: string }[],
  at: string,
  sections: readonly Section[],
  { first, width }: Section,
): string {
  const stride = tileStride(sections);
  const part = ({ sums, tile, fetch }: typeof parts[number]) => `
    ${repeat(perThread, (i) => `let ${sums}_a${i} = ${fetch}(${at}${i}, ${first}u + d);`)}
    ${
    repeat(
      perThread,
      (j) => `let ${sums}_b${j} = ${tile}[(key_thread + ${keyThreads * j}u) * ${stride}u + d];`,
    )
  }
    ${
    repeat(perThread, (i) =>
      repeat(perThread, (j) => {
        const [s, a, b] = [`${sums}${i}${j}`, `${sums}_a${i}`, `${sums}_b${j}`];
        return ["x", "y", "z", "w"].map((c) => `${s} = fma(${a}.${c}, ${b}.${c}, ${s});`).join(" ");
      }))
  }`;
  return `
  for (var d = 0u; d < ${width}u; d++) {${parts.map(part).join("\n")}
  }`;
}

/**
 * Adds weights times the rows of a tile to the accumulators `NAMEisc` of the thread: row i of four, section s, column c.
 * Rows of the tile are added in the order of the module comment.
 *
 * @param parts the matrices of weights with the tile and the accumulators they go with
 */
export function weightedSums(
  parts: readonly { sums: string; weights: string; tile: string }[],
  sections: readonly Section[],
  s: number,
  rowThreads: number,
): string {
  const section = sections[s]!, stride = tileStride(sections), count = Math.ceil(section.width / keyThreads);
  const part = ({ sums, weights, tile }: typeof parts[number]) => `
    ${repeat(perThread, (i) => `let ${sums}_w${i} = ${weights}[(row_thread + ${rowThreads * i}u) * 9u + g];`)}
    ${
    repeat(perThread, (j) =>
      repeat(count, (c) => {
        const value = `${sums}_v${j}${c}`;
        return `let ${value} = ${tile}[(g + ${keyThreads * j}u) * ${stride}u + key_thread + ${
          keyThreads * c
        }u];
    ${
          repeat(perThread, (i) => {
            const sum = `${sums}${i}${s}${c}`;
            return `${sum} = fma(vec4<f32>(${sums}_w${i}[${j}]), ${value}, ${sum});`;
          })
        }`;
      }))
  }`;
  return `
  for (var g = 0u; g < ${keyThreads}u; g++) {${parts.map(part).join("\n")}
  }`;
}

/** Declares the accumulators of {@linkcode weightedSums}, or sets them to 0. */
export function accumulators(sums: string, sections: readonly Section[], declare = true): string {
  return [...columnsOf(sections)].map(({ s, c }) =>
    repeat(perThread, (i) => `${declare ? "var " : ""}${sums}${i}${s}${c} = vec4<f32>();`, " ")
  ).join("\n");
}

/** Stores the accumulators of row i of the thread as head `at` of tensor NAME, times a factor. */
export function storeSums(
  name: string,
  sums: string,
  i: number,
  at: string,
  sections: readonly Section[],
  factor = "1.0f",
): string {
  return [...columnsOf(sections)].map(({ s, c, section: { first, width } }) => {
    const put = `store_${name}(${at}, ${
      first + keyThreads * c
    }u + key_thread, ${sums}${i}${s}${c} * ${factor});`;
    const rest = width - keyThreads * c;
    return rest >= keyThreads ? put : `if (key_thread < ${rest}u) { ${put} }`;
  }).join("\n");
}

/** Declares dot products `NAMEij`, or sets them to 0. */
export function products(sums: string): string {
  return repeat(perThread, (i) => repeat(perThread, (j) => `var ${sums}${i}${j} = 0.0f;`, " "));
}

/** Entry point of a kernel whose workgroups, spread over x and y, have `threads` threads each. */
export const entryPoint = (threads: number, body: string): string =>
  `${workgroupIndex}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let work = workgroup_index(group, groups);
${body}
}`;
