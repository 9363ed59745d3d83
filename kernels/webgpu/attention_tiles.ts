/**
 * Products of tiles: what the attention kernels that work on many queries at once have in common. A workgroup has rows
 * that stay, four a thread, read where they lie, and goes through tiles of 32 rows in workgroup memory. Eight threads share
 * their four rows: each has four rows of a tile when dot products are made, and every eighth column when rows are summed.
 *
 * Code is generated with all register arrays as variables of their own: naga checks the bounds of every indexed access, and
 * drivers keep arrays that are indexed so in memory.
 *
 * @module
 */
import { chunk } from "./attention_plan.ts";
import { keyThreads, perThread, quads, repeat } from "./attention_wgsl.ts";

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

/** vec4 in a row of weights in workgroup memory: a chunk's, and one more, so that rows start in different banks. */
export const weightStride = keyThreads + 1;

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
    ${
    repeat(perThread, (i) =>
      `let ${sums}_w${i} = ${weights}[(row_thread + ${rowThreads * i}u) * ${weightStride}u + g];`)
  }
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

/** Declares the accumulators of {@linkcode weightedSums}. */
export function accumulators(sums: string, sections: readonly Section[]): string {
  return [...columnsOf(sections)].map(({ s, c }) =>
    repeat(perThread, (i) => `var ${sums}${i}${s}${c} = vec4<f32>();`, " ")
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

/** Declares the dot products `NAMEij` of {@linkcode dotProducts}. */
export function products(sums: string): string {
  return repeat(perThread, (i) => repeat(perThread, (j) => `var ${sums}${i}${j} = 0.0f;`, " "));
}
