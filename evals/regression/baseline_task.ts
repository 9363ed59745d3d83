/**
 * From a score to what a baseline keeps of it, and back to items that the bootstrap can draw: ids, gold values and groups are
 * those of the rows, whose SHA-256 a baseline has, and are taken from the score that it is compared with.
 *
 * @module
 */
import type { ScoredItem } from "../score.ts";
import type { LoadedScore } from "../score_record.ts";
import type { BaselineTask } from "./baseline.ts";
import { packValues, unpackValues } from "./packed_values.ts";

/** What a baseline keeps of a score: of an item, the numbers that the main metric is made of. */
export function baselineTask({ record, items }: LoadedScore): BaselineTask {
  const fields = itemFields(items);
  return {
    metric: record.main,
    score: record.value,
    aggregate: record.aggregate,
    items: items.length,
    itemsSha256: record.items.sha256,
    rows: record.content,
    scorer: record.scorer,
    options: record.options as BaselineTask["options"],
    files: Object.fromEntries(record.files.map(({ path, sha256 }) => [path, sha256])),
    counts: { ...record.counts },
    values: Object.fromEntries(
      fields.map((field) => [field, packValues(items.map((item) => fieldOf(item, field)))]),
    ),
  };
}

/**
 * The items of a baseline.
 *
 * @param like items of another model for the same rows
 * @throws TypeError if the values were damaged
 */
export function baselineItems(task: BaselineTask, like: readonly ScoredItem[]): ScoredItem[] {
  const columns = Object.entries(task.values).map(([field, packed]) =>
    [field, unpackValues(packed, task.items)] as const
  );
  return like.map(({ id, gold, group }, i) => {
    const similarities: Record<string, number> = {};
    let item: ScoredItem = {
      id,
      ...gold !== undefined && { gold },
      ...group !== undefined && { group },
    };
    for (const [field, values] of columns) {
      const value = values[i];
      if (value === undefined) continue;
      const measure = /^similarities\.(.*)$/.exec(field)?.[1];
      if (measure === undefined) item = { ...item, [field]: value };
      else similarities[measure] = value;
    }
    return Object.keys(similarities).length > 0 ? { ...item, similarities } : item;
  });
}

/** Names of the numbers behind the main metric: "value", "similarity", or "similarities.<measure>". */
export function itemFields(items: readonly ScoredItem[]): string[] {
  const measures = Object.keys(items[0]?.similarities ?? {});
  if (measures.length > 0) return measures.map((measure) => `similarities.${measure}`);
  return [items.some((item) => item.similarity !== undefined) ? "similarity" : "value"];
}

/** One of these numbers; undefined where the item has none. */
export function fieldOf(item: ScoredItem, field: string): number | undefined {
  const measure = /^similarities\.(.*)$/.exec(field)?.[1];
  return measure === undefined ? item[field] as number | undefined : item.similarities?.[measure];
}
