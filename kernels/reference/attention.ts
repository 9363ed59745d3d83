/**
 * Float64 oracle of causal grouped-query attention over packed segments: for every token and head, plain loops over
 * the rows that the token sees.
 *
 * @module
 */
import type { AttentionShape, Segment } from "../attention_types.ts";

/** For each of n rows the rows that it sees, in the order of the sequence: its parent's, then its own up to itself. */
export function visibleRows(segments: readonly Segment[], n: number): number[][] {
  const visible: number[][] = Array.from({ length: n }, () => []);
  for (const segment of segments) {
    const before = segment.parent < 0 ? [] : rowsOf(segments[segment.parent]!);
    const own = rowsOf(segment);
    own.forEach((row, i) => visible[row] = [...before, ...own.slice(0, i + 1)]);
  }
  return visible;
}

function rowsOf(segment: Segment): number[] {
  return Array.from({ length: segment.length }, (_, i) => segment.start + i);
}

/** One (token, head) pair: where its query is, which rows it sees and with what probability. */
interface Look {
  readonly row: number;
  readonly head: number;
  /** Offset of the query (and of the output) in [n, heads · headDim]. */
  readonly at: number;
  /** Offsets of the keys (and of the values) in [n, kvHeads · headDim]. */
  readonly seen: readonly number[];
  readonly probabilities: readonly number[];
  readonly logSumExp: number;
}

/** softmax(q·kᵀ/√headDim) of every token that is in a segment, for every head. */
function* looks(
  q: Float64Array,
  k: Float64Array,
  segments: readonly Segment[],
  shape: AttentionShape,
  n: number,
): Generator<Look> {
  const { heads, kvHeads, headDim } = shape;
  const visible = visibleRows(segments, n);
  for (let row = 0; row < n; row++) {
    if (visible[row]!.length === 0) continue;
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor(head / (heads / kvHeads));
      const at = (row * heads + head) * headDim;
      const seen = visible[row]!.map((other) => (other * kvHeads + kvHead) * headDim);
      const scores = seen.map((key) => dot(q, at, k, key, headDim) / Math.sqrt(headDim));
      const largest = Math.max(...scores);
      const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
      const logSumExp = largest + Math.log(total);
      yield {
        row,
        head,
        at,
        seen,
        logSumExp,
        probabilities: scores.map((score) => Math.exp(score - logSumExp)),
      };
    }
  }
}

/** y [n, heads · headDim] and lse [heads, n]; rows in no segment are 0. */
export function attention(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  segments: readonly Segment[],
  shape: AttentionShape,
  n: number,
): { y: Float64Array; lse: Float64Array } {
  const y = new Float64Array(q.length), lse = new Float64Array(shape.heads * n);
  for (const look of looks(q, k, segments, shape, n)) {
    lse[look.head * n + look.row] = look.logSumExp;
    look.seen.forEach((value, j) => addScaled(y, look.at, look.probabilities[j]!, v, value, shape.headDim));
  }
  return { y, lse };
}

/**
 * Gradients of {@linkcode attention}. With probabilities p and dp_j = dy·v_j: dv_j += p_j·dy,
 * ds_j = p_j·(dp_j − Σ p·dp)/√headDim, dq += ds_j·k_j, dk_j += ds_j·q.
 */
export function attentionBackward(
  dy: Float64Array,
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  segments: readonly Segment[],
  shape: AttentionShape,
  n: number,
): { dq: Float64Array; dk: Float64Array; dv: Float64Array } {
  const { headDim } = shape;
  const dq = new Float64Array(q.length), dk = new Float64Array(k.length), dv = new Float64Array(v.length);
  for (const { at, seen, probabilities } of looks(q, k, segments, shape, n)) {
    const dp = seen.map((value) => dot(dy, at, v, value, headDim));
    const mean = dp.reduce((sum, slope, j) => sum + slope * probabilities[j]!, 0);
    seen.forEach((key, j) => {
      const ds = probabilities[j]! * (dp[j]! - mean) / Math.sqrt(headDim);
      addScaled(dv, key, probabilities[j]!, dy, at, headDim);
      addScaled(dq, at, ds, k, key, headDim);
      addScaled(dk, key, ds, q, at, headDim);
    });
  }
  return { dq, dk, dv };
}

function dot(a: Float64Array, atA: number, b: Float64Array, atB: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[atA + i]! * b[atB + i]!;
  return sum;
}

function addScaled(
  y: Float64Array,
  atY: number,
  scale: number,
  x: Float64Array,
  atX: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) y[atY + i]! += scale * x[atX + i]!;
}
