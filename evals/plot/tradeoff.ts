/**
 * Embedding against general ability: each arm a point, the contrastive baseline at its learning rates a curve. What a
 * method gains on one axis says nothing without what it costs on the other.
 *
 * @module
 */
import type { Comparison } from "../compare.ts";
import { MTEB_CATEGORIES } from "../category.ts";
import type { Scatter } from "./scatter.ts";

/** What has to be known of an arm to draw it. */
export interface TradeoffArm {
  readonly name: string;
  /** Arms of one family, such as all that were trained by the same method, have one colour. */
  readonly family: string;
  /** Of arms with the same curve, the place on it, such as a learning rate; null for a point of its own. */
  readonly curve: { readonly name: string; readonly at: number } | null;
}

/**
 * The chart of a comparison, in percent: mean of the category means of MTEB's categories against that of the general tasks. A
 * mean of which something is missing is no average of the benchmark, and its axis says so.
 *
 * @param arms in the order of the comparison
 * @returns null unless both kinds of tasks were evaluated
 */
export function tradeoff(
  title: string,
  comparison: Comparison,
  arms: readonly TradeoffArm[],
): Scatter | null {
  const general = comparison.categories.find(({ category }) => category === "general");
  const embedding = comparison.categories.filter(({ category }) =>
    category !== null && category !== "general"
  );
  if (general === undefined || embedding.length === 0) return null;
  const all = Object.keys(MTEB_CATEGORIES).length;
  const whole = embedding.length === all && embedding.every(({ complete }) => complete);
  const partly = (complete: boolean) => complete ? "" : " (partial)";
  const families = [...new Set(arms.map(({ family }) => family))];
  const curves = new Map<string, TradeoffArm[]>();
  for (const arm of arms) {
    if (arm.curve) curves.set(arm.curve.name, [...curves.get(arm.curve.name) ?? [], arm]);
  }
  return {
    title,
    x: `general ability: mean of the general tasks${partly(general.complete)}, x 100`,
    y: `embedding: mean of the category means${partly(whole)}, x 100`,
    points: arms.map(({ name, family }, i) => ({
      name,
      x: 100 * general.values[i]!,
      y: 100 * embedding.reduce((sum, row) => sum + row.values[i]!, 0) / embedding.length,
      group: families.indexOf(family),
    })),
    lines: [...curves.values()].filter((list) => list.length > 1).map((list) =>
      [...list].sort((a, b) => a.curve!.at - b.curve!.at).map(({ name }) => name)
    ),
  };
}
