/**
 * A task whose score is the plain mean over parts, however many items they have: the twelve forums of CQADupstack, or the
 * languages of a data set.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Score, ScoredItem } from "../score.ts";
import { mean } from "../statistics.ts";

/** One part with its score. */
export interface PartScore {
  readonly name: string;
  readonly score: Score;
}

/**
 * The score of a group: of every metric the mean over its parts, and beside it each part's own as `<part>/<metric>`. Items are
 * those of all parts, each with its `group`; counts are sums.
 *
 * @throws UsageError if there is no part
 */
export function scoreGroup(parts: readonly PartScore[]): Score {
  const [first] = parts;
  if (first === undefined) throw new UsageError("a group of tasks has no part", "give at least one");
  const { main, aggregate } = first.score;
  // Some parts may lack a metric, such as the average precision of a task with more than two labels.
  const shared = Object.keys(first.score.metrics).filter((name) =>
    parts.every(({ score }) => name in score.metrics)
  );
  const counts: Record<string, number> = { parts: parts.length };
  for (const { score } of parts) {
    for (const [name, count] of Object.entries(score.counts)) counts[name] = (counts[name] ?? 0) + count;
  }
  return {
    main,
    aggregate,
    metrics: {
      ...Object.fromEntries(
        shared.map((name) => [name, mean(parts.map(({ score }) => score.metrics[name]!))]),
      ),
      ...Object.fromEntries(
        parts.flatMap(({ name, score }) =>
          Object.entries(score.metrics).map(([metric, value]) => [`${name}/${metric}`, value])
        ),
      ),
    },
    items: parts.flatMap(({ name, score }) =>
      score.items.map((item): ScoredItem => ({ ...item, id: `${name}/${item.id}`, group: name }))
    ),
    counts,
    warnings: parts.flatMap(({ name, score }) => score.warnings.map((warning) => `${name}: ${warning}`)),
  };
}
