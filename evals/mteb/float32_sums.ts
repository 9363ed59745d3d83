/**
 * Sums of float32 values in the order in which the libraries below scikit-learn add them. The order decides the last bits of a
 * sum, a draw in k-means++ is a share of a sum, and so one bit can make another row a centre.
 *
 * numpy's order is the same everywhere. That of OpenBLAS is one for each kind of processor; here it is that of its kernels for
 * AVX2, which serve all x86 processors since 2013 but those with AVX-512, and those take the same one for `columnSums`. Checked
 * bit for bit against numpy 2.4.6 with OpenBLAS 0.3.31, one thread.
 *
 * @module
 */

/** Lanes of an AVX2 register. */
const LANES = 8;

/** `values @ ones`, as `sdot`: four registers side by side, the values behind a multiple of 32 in double. */
export function blasSum(values: Float32Array): number {
  const sums = new Float32Array(4 * LANES), whole = values.length - values.length % sums.length;
  for (let i = 0; i < whole; i += sums.length) addTo(sums, values, i, sums.length);
  const halves = Array.from({ length: 4 }, (_, r) => halved(sums.subarray(r * LANES, (r + 1) * LANES)));
  const all = Float32Array.from(
    halves[0]!,
    (_, i) => fround(halves[0]![i]! + halves[1]![i]!) + fround(halves[2]![i]! + halves[3]![i]!),
  );
  let rest = 0;
  for (let i = whole; i < values.length; i++) rest += values[i]!;
  return fround(rest + horizontal(all));
}

/**
 * `rows @ ones`, as `sgemv` of the transposed matrix: four rows at a time, then two, then one. The two share a register of half
 * the width.
 *
 * @param rows of the same length; at least two, for numpy has {@linkcode blasSum} for one
 */
export function blasRowSums(rows: readonly Float32Array[]): number[] {
  const inFours = rows.length - rows.length % 4, inTwos = rows.length - rows.length % 2;
  return rows.map((row, i) => rowSum(row, i >= inFours && i < inTwos ? LANES / 2 : LANES));
}

function rowSum(row: Float32Array, lanes: number): number {
  const sums = new Float32Array(lanes), whole = row.length - row.length % 4;
  // What is more than a multiple of the width comes first, in the lower lanes.
  const ahead = whole % lanes;
  addTo(sums, row, 0, ahead);
  if (lanes === LANES) addEights(sums, row, ahead, whole);
  else addFours(sums, row, ahead, whole);
  let rest = 0;
  for (let i = whole; i < row.length; i++) rest = fround(rest + row[i]!);
  return fround(horizontal(lanes === LANES ? halved(sums) : sums) + rest);
}

/** Values from one place to another, a register of eight at a time. */
function addEights(sums: Float32Array, values: Float32Array, from: number, to: number): void {
  let s0 = sums[0]!, s1 = sums[1]!, s2 = sums[2]!, s3 = sums[3]!;
  let s4 = sums[4]!, s5 = sums[5]!, s6 = sums[6]!, s7 = sums[7]!;
  for (let at = from; at < to; at += LANES) {
    s0 = fround(s0 + values[at]!);
    s1 = fround(s1 + values[at + 1]!);
    s2 = fround(s2 + values[at + 2]!);
    s3 = fround(s3 + values[at + 3]!);
    s4 = fround(s4 + values[at + 4]!);
    s5 = fround(s5 + values[at + 5]!);
    s6 = fround(s6 + values[at + 6]!);
    s7 = fround(s7 + values[at + 7]!);
  }
  sums.set([s0, s1, s2, s3, s4, s5, s6, s7]);
}

/** The same, of a register of half the width. */
function addFours(sums: Float32Array, values: Float32Array, from: number, to: number): void {
  let s0 = sums[0]!, s1 = sums[1]!, s2 = sums[2]!, s3 = sums[3]!;
  for (let at = from; at < to; at += LANES / 2) {
    s0 = fround(s0 + values[at]!);
    s1 = fround(s1 + values[at + 1]!);
    s2 = fround(s2 + values[at + 2]!);
    s3 = fround(s3 + values[at + 3]!);
  }
  sums.set([s0, s1, s2, s3]);
}

/** numpy's `sum`, pairwise: halves down to 128 values, which are added in eight sums side by side. */
export function numpySum(values: Float32Array): number {
  const n = values.length;
  if (n > 128) {
    const half = (n >> 1) - (n >> 1) % 8;
    return fround(numpySum(values.subarray(0, half)) + numpySum(values.subarray(half)));
  }
  const whole = n - n % 8, sums = values.slice(0, 8);
  for (let i = 8; i < whole; i += 8) addTo(sums, values, i, 8);
  let sum = 0;
  if (whole > 0) {
    sum = fround(horizontal(sums.subarray(0, 4)) + horizontal(sums.subarray(4)));
  }
  for (let i = whole; i < n; i++) sum = fround(sum + values[i]!);
  return sum;
}

const fround = Math.fround;

function addTo(sums: Float32Array, values: Float32Array, from: number, count: number): void {
  for (let lane = 0; lane < count; lane++) sums[lane] = sums[lane]! + values[from + lane]!;
}

/** The upper half of a register added to the lower. */
function halved(register: Float32Array): Float32Array {
  return Float32Array.from({ length: 4 }, (_, lane) => register[lane]! + register[lane + 4]!);
}

/** The sum of four lanes: neighbours first. */
function horizontal(lanes: Float32Array): number {
  return fround(fround(lanes[0]! + lanes[1]!) + fround(lanes[2]! + lanes[3]!));
}
