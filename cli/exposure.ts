/**
 * Which training texts the arms saw: only arms that saw the same ones, equally often, can be compared as methods.
 *
 * @module
 */
import type { Training } from "../lib/manifest/arms.ts";
import { examplesSeen } from "../lib/train/data_order.ts";

/**
 * A sentence on what the arms of a run were trained on; empty if nothing was trained.
 *
 * @param examples size of the training data
 */
export function describeExposure(trainings: readonly Training[], examples: number): string {
  const seen = trainings.map(({ arm, name, manifest }) => {
    const indices = examplesSeen(arm, manifest, examples);
    return { name, count: indices.length, distinct: new Set(indices).size, key: indices.join() };
  });
  const [first] = seen;
  if (!first) return "";
  const total = (one: typeof first) =>
    `${one.count} examples${one.distinct < one.count ? ` (${one.distinct} different ones)` : ""}`;
  if (seen.every(({ key }) => key === first.key)) {
    const names = list(seen.map(({ name }) => name));
    return seen.length === 1
      ? `${names} is trained on ${total(first)}.`
      : `${names} are trained on the same ${total(first)} in the same order.`;
  }
  return `The arms are not trained on the same examples: ${
    list(seen.map((one) => `${one.name} on ${total(one)}`))
  }.`;
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
