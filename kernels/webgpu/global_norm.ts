/**
 * ‖all gradients together‖₂ to float64 precision, although WGSL has no float64.
 *
 * A workgroup sums the squares of a block of elements in pairs of f32, of which the second holds what the first has lost
 * (Dekker 1971): about 48 bits. The host adds up the blocks in float64, in order. The elements of a block are first scaled
 * by a power of two, so that no square is too large or too small for an f32.
 *
 * A compiler that reorders float arithmetic would undo such sums, so intermediate values are hidden from it (`opaque`). And
 * products are not corrected by `fma`, which some drivers do in two roundings (Mesa's llvmpipe does), but are exact: a factor
 * of 24 bits is cut into two of 12.
 *
 * @module
 */
import type { Arena } from "./arena.ts";
import { opaque } from "./exact_float.ts";
import { flatPieces } from "./pieces.ts";
import { inVectors, quadAccess, quadBindings, quadParams, quadsOf } from "./quads.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import { spread, treeReduction, workgroupIndex } from "./wgsl.ts";

const threads = 256;

/** Quads of a thread, and elements of a block. */
const quadsPerThread = 16, blockElements = 4 * threads * quadsPerThread;

/** What a block says: high and low part of its sum, and the bits of its largest magnitude. */
const wordsPerBlock = 3;

const matrices = { x: "in f32" } as const;

/** `body` for every quad of a thread. */
const eachQuad = (body: string) => `
  for (var k = 0u; k < ${quadsPerThread}u; k++) {
    let quad = (block * ${quadsPerThread}u + k) * ${threads}u + local;
    if (quad < p.quads) { ${body} }
  }`;

const tree = (combine: (other: string) => string) =>
  treeReduction(threads, "local", (step) => combine(`local + ${step}`));

const code = (vectors: boolean) =>
  `${workgroupIndex}${quadAccess(matrices, vectors)}${opaque}
struct Pair { high: vec4<f32>, low: vec4<f32> }
var<workgroup> largest: array<u32, ${threads}>;
var<workgroup> pairs: array<Pair, ${threads}>;

// a.high + b and what the rounding of this sum has lost (Knuth's two-sum).
fn plus(a: Pair, b: vec4<f32>) -> Pair {
  let sum = opaque(a.high + b);
  let part = opaque(sum - a.high);
  let lost = (a.high - opaque(sum - part)) + (b - part);
  return Pair(sum, a.low + lost);
}

fn plus_pair(a: Pair, b: Pair) -> Pair {
  let sum = plus(a, b.high);
  return Pair(sum.high, sum.low + b.low);
}

// x² = (h + l)² = h² + 2hl + l², each of which is exact.
fn plus_square(a: Pair, x: vec4<f32>) -> Pair {
  let h = bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) & vec4(0xfffff000u));
  let l = x - h;
  let sum = plus(plus(a, h * h), 2.0f * h * l);
  return Pair(sum.high, fma(l, l, sum.low));
}

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let block = workgroup_index(group, groups);
  // As integers: the bits of magnitudes have their order, and NaN comes out as the largest of all.
  var bits = vec4<u32>();
  ${eachQuad("bits = max(bits, bitcast<vec4<u32>>(load_x(0u, quad)) & vec4(0x7fffffffu));")}
  largest[local] = max(max(bits.x, bits.y), max(bits.z, bits.w));
  ${tree((other) => `largest[local] = max(largest[local], largest[${other}]);`)}
  workgroupBarrier();
  // 2^(127 − exponent), which is a normal number: the largest element of the block comes to [1, 2).
  let exponent = clamp(largest[0] >> 23u, 1u, 253u);
  let factor = bitcast<f32>((254u - exponent) << 23u);
  var sum = Pair();
  ${eachQuad("sum = plus_square(sum, load_x(0u, quad) * factor);")}
  pairs[local] = sum;
  ${tree((other) => `pairs[local] = plus_pair(pairs[local], pairs[${other}]);`)}
  if (local > 0u || block >= p.blocks) { return; }
  let four = pairs[0];
  let two = plus_pair(Pair(vec4(four.high.xy, 0.0f, 0.0f), vec4(four.low.xy, 0.0f, 0.0f)),
                      Pair(vec4(four.high.zw, 0.0f, 0.0f), vec4(four.low.zw, 0.0f, 0.0f)));
  let one = plus_pair(Pair(vec4(two.high.x), vec4(two.low.x)), Pair(vec4(two.high.y), vec4(two.low.y)));
  let at = p.sums_base + ${wordsPerBlock}u * block;
  sums[at] = bitcast<u32>(one.high.x);
  sums[at + 1u] = bitcast<u32>(one.low.x);
  sums[at + 2u] = largest[0];
}`;

/**
 * ‖all gradients together‖₂, of any number of f32 tensors, with one read-back. NaN or infinite if an element is.
 */
export async function globalNorm(
  queue: CommandQueue,
  arena: Arena,
  gradients: readonly GpuTensor[],
): Promise<number> {
  for (const { dtype, shape } of gradients) {
    if (dtype !== "f32") throw new Error(`globalNorm: [${shape}] of ${dtype}`);
  }
  const pieces = gradients.flatMap((gradient) => [...flatPieces(queue.maxBinding, gradient)].flat());
  const blocksOf = ({ size }: GpuTensor) => Math.ceil(size / blockElements);
  const blocks = pieces.reduce((sum, piece) => sum + blocksOf(piece), 0);
  const sums = arena.alloc([blocks, wordsPerBlock], "i32");
  let at = 0;
  for (const x of pieces) {
    const count = blocksOf(x), vectors = inVectors(x.size, x), name = `global-norm${vectors ? "/vec4" : ""}`;
    const kernel = queue.kernel(name, () => ({
      name,
      params: { blocks: "u32", zero: "u32", ...quadParams },
      bindings: { ...quadBindings(matrices, vectors), sums: "out u32" },
      code: code(vectors),
    }));
    const params = { blocks: count, zero: 0, ...quadsOf(x.size) };
    queue.run(kernel, { x, sums: sums.rows(at, at + count) }, params, spread(count, queue.maxGroups));
    at += count;
  }
  const reading = queue.read(sums);
  arena.release(sums);
  return Math.sqrt(addBlocks(await reading));
}

function addBlocks(data: ArrayBuffer): number {
  const words = new Uint32Array(data), numbers = new Float32Array(data), infinite = 0x7f800000;
  let total = 0;
  for (let i = 0; i < words.length; i += wordsPerBlock) {
    const largest = words[i + 2]!;
    if (largest > infinite) return NaN;
    if (largest === infinite) {
      total = Infinity;
      continue;
    }
    const exponent = Math.min(Math.max(largest >>> 23, 1), 253) - 127;
    total += (numbers[i]! + numbers[i + 1]!) * 4 ** exponent;
  }
  return total;
}
