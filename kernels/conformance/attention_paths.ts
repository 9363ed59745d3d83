/**
 * The same sequence through every path of attention: as one segment, as parent and child, among siblings, and decoded
 * from a cache. All give the same bits (design decision D5), so that rollouts and training forward agree exactly.
 *
 * @module
 */
import fc from "fast-check";
import { assertSameBits } from "#test";
import type { AttentionShape, Segment } from "../attention_types.ts";
import { TestRandom } from "../reference/random.ts";
import { shapes } from "./attention_cases.ts";
import { conformanceTest, propertyTest, seed, type Subject } from "./harness.ts";
import type { Workbench } from "./workbench.ts";

/** Rows of q, k and v. */
interface Rows {
  readonly q: Float64Array;
  readonly k: Float64Array;
  readonly v: Float64Array;
}

/** One prompt and the rationales that continue it. */
interface Example {
  readonly shape: AttentionShape;
  readonly prompt: number;
  readonly rationales: readonly number[];
  readonly promptRows: Rows;
  readonly rationaleRows: readonly Rows[];
}

const widths = ({ heads, kvHeads, headDim }: AttentionShape) => ({
  q: heads * headDim,
  k: kvHeads * headDim,
  v: kvHeads * headDim,
});

function makeExample(
  shape: AttentionShape,
  prompt: number,
  rationales: readonly number[],
  seed: number,
): Example {
  const random = new TestRandom(seed), width = widths(shape);
  const make = (n: number): Rows => ({
    q: random.normals(n * width.q),
    k: random.normals(n * width.k),
    v: random.normals(n * width.v),
  });
  return { shape, prompt, rationales, promptRows: make(prompt), rationaleRows: rationales.map(make) };
}

/** Uploads rows one after another as one stream. */
function stream(bench: Workbench, shape: AttentionShape, parts: readonly Rows[]) {
  const width = widths(shape), n = parts.reduce((sum, { q }) => sum + q.length, 0) / width.q;
  const put = (key: keyof Rows) =>
    bench.put(Float64Array.from(parts.flatMap((part) => [...part[key]])), n, width[key]);
  return { n, q: put("q"), k: put("k"), v: put("v") };
}

/** Rows [from, to) of attention over a stream: the outputs, then the log-sum-exps, then dq for dy = q. */
async function attend(
  bench: Workbench,
  shape: AttentionShape,
  parts: readonly Rows[],
  segments: readonly Segment[],
): Promise<(from: number, to: number) => Float32Array> {
  const { n, q, k, v } = stream(bench, shape, parts), width = widths(shape), { device } = bench;
  const y = bench.out(n, width.q), lse = bench.out(shape.heads, n);
  device.attention(q, k, v, segments, shape, y, lse);
  const dq = bench.out(n, width.q), dk = bench.out(n, width.k), dv = bench.out(n, width.v);
  device.attentionBackward(q, q, k, v, y, lse, segments, shape, dq, dk, dv);
  const [yRead, lseRead, dqRead] = await bench.read(y, lse, dq);
  return (from, to) => {
    const rows = (matrix: Float32Array) => matrix.subarray(from * width.q, to * width.q);
    const sums = Array.from({ length: shape.heads }, (_, head) => [
      ...lseRead!.subarray(head * n + from, head * n + to),
    ]);
    return Float32Array.of(...rows(yRead!), ...sums.flat(), ...rows(dqRead!));
  };
}

/** Prompt and rationale `i` as one segment: what all other paths are compared with. */
async function asOneSegment(bench: Workbench, e: Example, i: number): Promise<Float32Array> {
  const n = e.prompt + e.rationales[i]!;
  const rows = await attend(bench, e.shape, [e.promptRows, e.rationaleRows[i]!], [{
    start: 0,
    length: n,
    parent: -1,
  }]);
  return rows(e.prompt, n);
}

/** Compares parent + child, and parent + all children behind another text, with one segment. */
async function comparePacked(bench: Workbench, e: Example): Promise<void> {
  const other = makeExample(e.shape, 5, [], 99).promptRows;
  const segments: Segment[] = [{ start: 0, length: 5, parent: -1 }, {
    start: 5,
    length: e.prompt,
    parent: -1,
  }];
  let start = 5 + e.prompt;
  for (const length of e.rationales) {
    segments.push({ start, length, parent: 1 });
    start += length;
  }
  const together = await attend(bench, e.shape, [other, e.promptRows, ...e.rationaleRows], segments);
  for (let i = 0; i < e.rationales.length; i++) {
    const expected = await asOneSegment(bench, e, i), length = e.rationales[i]!;
    const pair = await attend(bench, e.shape, [e.promptRows, e.rationaleRows[i]!], [
      { start: 0, length: e.prompt, parent: -1 },
      { start: e.prompt, length, parent: 0 },
    ]);
    assertSameBits(pair(e.prompt, e.prompt + length), expected, `rationale ${i} as the only child`);
    const at = segments[2 + i]!.start;
    assertSameBits(together(at, at + length), expected, `rationale ${i} among its siblings`);
  }
}

/**
 * Decodes all rationales, one slot each, and compares every token with one segment. The prompt gets into the cache by
 * one write, or token by token, or by a write to slot 0 and copies.
 */
async function compareDecoded(
  bench: Workbench,
  e: Example,
  fill: "write" | "token by token" | "copy",
  capacity: number,
): Promise<void> {
  const { device } = bench, slots = e.rationales.length, width = widths(e.shape).q, layer = 1;
  const cache = bench.cache(2, slots, capacity, e.shape);
  const prompt = stream(bench, e.shape, [e.promptRows]);
  const write = (slot: number) => ({ row: 0, count: e.prompt, slot, position: 0 });
  if (fill === "copy") {
    device.cacheWrite(cache, layer, prompt.k, prompt.v, [write(0)]);
    for (let slot = 1; slot < slots; slot++) device.cacheCopy(cache, 0, slot, e.prompt);
  } else if (fill === "write") {
    device.cacheWrite(cache, layer, prompt.k, prompt.v, e.rationales.map((_, slot) => write(slot)));
  } else {
    for (let row = 0; row < e.prompt; row++) {
      const rows = e.rationales.map((_, slot) => ({ row, count: 1, slot, position: row }));
      device.cacheWrite(cache, layer, prompt.k, prompt.v, rows);
    }
  }
  const rationales = stream(bench, e.shape, e.rationaleRows);
  const first = e.rationales.map((_, i) => e.rationales.slice(0, i).reduce((a, b) => a + b, 0));
  const expected = await Promise.all(e.rationales.map((_, i) => asOneSegment(bench, e, i)));
  // The same array in every step: an engine that remembers what it made of one may not go by the object.
  const lengths = new Int32Array(slots);
  for (let t = 0; t < Math.max(...e.rationales); t++) {
    using step = bench.nested();
    // A rationale that has ended stays at its last token, as a finished slot does.
    const at = e.rationales.map((length) => Math.min(t, length - 1));
    device.cacheWrite(
      cache,
      layer,
      rationales.k,
      rationales.v,
      at.map((token, slot) => ({ row: first[slot]! + token, count: 1, slot, position: e.prompt + token })),
    );
    const queries = at.flatMap((
      token,
      slot,
    ) => [...e.rationaleRows[slot]!.q.subarray(token * width, (token + 1) * width)]);
    const y = step.out(slots, width);
    at.forEach((token, slot) => lengths[slot] = e.prompt + token + 1);
    device.attentionDecode(
      step.put(Float64Array.from(queries), slots, width),
      cache,
      layer,
      lengths,
      e.shape,
      y,
    );
    const [read] = await step.read(y);
    at.forEach((token, slot) =>
      assertSameBits(
        read!.subarray(slot * width, (slot + 1) * width),
        expected[slot]!.subarray(token * width, (token + 1) * width),
        `slot ${slot}, token ${token}`,
      )
    );
  }
}

/** Packs many prompts, each with its rationales, into one stream, and compares each sequence with one segment of its own. */
async function compareMany(bench: Workbench, list: readonly Example[]): Promise<void> {
  const segments: Segment[] = [], parts: Rows[] = [];
  let n = 0;
  const append = (rows: Rows, length: number, parent: number) => {
    parts.push(rows);
    segments.push({ start: n, length, parent });
    n += length;
    return segments.length - 1;
  };
  const placed = list.map((e) => {
    const prompt = append(e.promptRows, e.prompt, -1);
    return {
      e,
      prompt,
      children: e.rationales.map((length, i) => append(e.rationaleRows[i]!, length, prompt)),
    };
  });
  const together = await attend(bench, list[0]!.shape, parts, segments);
  for (const { e, prompt, children } of placed) {
    const { start, length } = segments[prompt]!, name = `prompt of ${length} tokens at row ${start} of ${n}`;
    {
      using alone = bench.nested();
      const whole: Segment = { start: 0, length, parent: -1 };
      const expected = await attend(alone, e.shape, [e.promptRows], [whole]);
      assertSameBits(together(start, start + length), expected(0, length), name);
    }
    for (const [i, child] of children.entries()) {
      using alone = bench.nested();
      const { start, length } = segments[child]!;
      const expected = await asOneSegment(alone, e, i);
      assertSameBits(together(start, start + length), expected, `rationale ${i} of the ${name}`);
    }
  }
}

const examples = fc.record({
  shape: shapes,
  prompt: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })),
  rationales: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
  seed,
});

/** Registers the tests of the paths through attention. */
export function attentionPathsSuite(subject: Subject): void {
  propertyTest(
    subject,
    "attention() and its dq have the same bits for one segment, a child, and siblings",
    examples,
    (bench, c) => comparePacked(bench, makeExample(c.shape, c.prompt, c.rationales, c.seed)),
  );

  // As the tiny backbone trains: an engine may put many of them into one call, padded to a common length.
  for (const shape of [{ heads: 6, kvHeads: 2, headDim: 32 }, { heads: 3, kvHeads: 3, headDim: 64 }]) {
    for (const children of [0, 4]) {
      conformanceTest(
        subject,
        `attention() and its dq have the same bits for many short segments, with ${children} children each, ` +
          `${shape.heads}/${shape.kvHeads} heads`,
        (bench) => {
          const random = new TestRandom(6), count = 60 / (1 + children);
          const list = Array.from({ length: count }, (_, i) => {
            const lengths = random.integers(1 + children, 60).map((length) => length + 1);
            return makeExample(shape, i === 3 ? 1 : lengths[0]!, [...lengths.subarray(1)], i);
          });
          return compareMany(bench, list);
        },
      );
    }
  }

  for (const fill of ["write", "token by token", "copy"] as const) {
    propertyTest(
      subject,
      `attentionDecode() has the bits of attention(), prompt cached by ${fill}`,
      examples,
      (bench, c) => compareDecoded(bench, makeExample(c.shape, c.prompt, c.rationales, c.seed), fill, 64),
      12,
    );
  }

  propertyTest(
    subject,
    "attentionDecode() has the bits of attention() when the cache has to grow",
    examples,
    (bench, c) => compareDecoded(bench, makeExample(c.shape, c.prompt, c.rationales, c.seed), "write", 1),
    8,
  );

  // Past the lengths at which matrix products and engines start another block.
  for (const shape of [{ heads: 2, kvHeads: 2, headDim: 64 }, { heads: 6, kvHeads: 2, headDim: 64 }]) {
    for (const prompt of [127, 255, 520]) {
      conformanceTest(
        subject,
        `all paths of attention have the same bits after ${prompt} tokens, ${shape.heads}/${shape.kvHeads} heads`,
        async (bench) => {
          const example = makeExample(shape, prompt, [3, 9], prompt);
          await comparePacked(bench, example);
          await compareDecoded(bench, example, "write", 600);
          await compareDecoded(bench, example, "copy", prompt);
        },
      );
    }
  }
}
