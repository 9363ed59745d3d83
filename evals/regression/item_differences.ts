/**
 * In which items two scores differ: the first of them, for those who wanted the same bits.
 *
 * @module
 */
import type { ScoredItem } from "../score.ts";
import type { BaselineTask } from "./baseline.ts";
import { baselineItems, fieldOf } from "./baseline_task.ts";

/** A number of an item that is another one now. */
export interface ItemDifference {
  /** Id of the item. */
  readonly item: string;
  /** "value", "similarity", or "similarities.<measure>". */
  readonly field: string;
  /** Null where the item has none. */
  readonly baseline: number | null;
  readonly now: number | null;
}

/** What differs in a task. */
export interface TaskDifference {
  readonly task: string;
  /** Items of which a number that the metric is made of differs. */
  readonly items: number;
  /** The first of them; none where only other details differ, of which a baseline has nothing but the SHA-256. */
  readonly first: readonly ItemDifference[];
}

/** Items that are shown of a task. */
const SHOWN = 3;

/** The items of a task that differ from a baseline's. */
export function differingItems(
  task: string,
  before: BaselineTask,
  now: readonly ScoredItem[],
): TaskDifference {
  const found = baselineItems(before, now).flatMap((was, i): ItemDifference[] => {
    const is = now[i]!;
    const field = Object.keys(before.values).find((name) =>
      !Object.is(fieldOf(was, name), fieldOf(is, name))
    );
    if (field === undefined) return [];
    return [{ item: is.id, field, baseline: fieldOf(was, field) ?? null, now: fieldOf(is, field) ?? null }];
  });
  return { task, items: found.length, first: found.slice(0, SHOWN) };
}
