/**
 * Made-up scores and baselines, for tests.
 *
 * @module
 */
import { aggregateItems } from "../aggregate.ts";
import type { Aggregate, ScoredItem } from "../score.ts";
import { type LoadedScore, scoreRecord } from "../score_record.ts";
import type { Baseline, Tolerance } from "./baseline.ts";
import { DEFAULT_TOLERANCE } from "./baseline.ts";
import { makeBaseline, type Measured } from "./make_baseline.ts";

/** A score of these items, as an evaluation stores it. */
export function scoreOf(
  task: string,
  items: readonly ScoredItem[],
  change: Partial<LoadedScore["record"]> = {},
  aggregate: Aggregate = "mean",
): LoadedScore {
  const value = aggregateItems(items, aggregate);
  const record = scoreRecord({
    suite: "test",
    task,
    baseTask: task,
    category: "sts",
    main: "metric",
    value,
    stderr: null,
    aggregate,
    metrics: Number.isFinite(value) ? { metric: value } : {},
    counts: { items: items.length, rationales: 20, empty_rationales: 0, truncated_rationales: 1 },
    warnings: [],
    scorer: "scorer/1",
    content: "c".repeat(64),
    options: { referenceRevision: "abc", slice: null },
    files: [{ path: "owner/set/test.jsonl", bytes: 1, sha256: "f".repeat(64), rows: items.length }],
    model: "m",
    ...change,
  }, items);
  return { record, items };
}

/** Items with these values. */
export function itemsOf(values: readonly number[]): ScoredItem[] {
  return values.map((value, i) => ({ id: `${i + 1}`, value }));
}

/** Values of 0 and 1, of which a share is 1: which ones follows from `seed`. */
export function answers(count: number, share: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((i * 7919 + seed * 104729) % 1000 < 1000 * share));
}

/** What a baseline in a test says of its model. */
export const MEASURED: Measured = {
  model: { name: "trusted", files: { "model.safetensors": "a".repeat(64) } },
  settings: { kind: "encoder", settings: null, prompts: null },
  program: "0.1.0 (000000000000)",
  engine: { engine: "cpu", threads: 2 },
  embeddings: "e".repeat(64),
};

/** A baseline of scores. */
export function baselineOf(scores: readonly LoadedScore[], tolerance: Partial<Tolerance> = {}): Baseline {
  return makeBaseline(scores, MEASURED, { ...DEFAULT_TOLERANCE, ...tolerance });
}
