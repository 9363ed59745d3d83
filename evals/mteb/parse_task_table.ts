/**
 * Reads the lines of `task_table.ts`.
 *
 * @module
 */
import type { MtebCategory } from "../category.ts";
import type { SingleTask } from "./tasks.ts";

/** Training rows per label where a task does not say otherwise. */
const SAMPLES_PER_LABEL = 8;

/**
 * The tasks of a table, in order.
 *
 * @throws Error if a line is not what `task_table.ts` describes: the table is part of the program
 */
export function parseTaskTable<C extends MtebCategory>(
  category: C,
  table: string,
): Extract<SingleTask, { category: C }>[] {
  return table.trim().split("\n").map((line) => {
    const [name, repo, revision, split, subset, ...rest] = line.trim().split(/\s+/);
    const wrong = (what: string) => new Error(`task table: ${what} in "${line}"`);
    if (!subset) throw wrong("less than five columns");
    if (revision !== "-" && !/^[0-9a-f]{40}$/.test(revision!)) throw wrong(`revision "${revision}"`);
    const words = new Map(rest.map((word) => word.split("=") as [string, string | undefined]));
    const take = (key: string) => {
      const value = words.get(key);
      words.delete(key);
      return value;
    };
    const flag = (key: string) => words.delete(key);
    const domains = take("domains")?.split(",") ?? [];
    const options = optionsOf(category, take, flag);
    const size: Record<string, number> = {};
    for (const [key, value] of words) {
      if (!/^\d+$/.test(value ?? "")) throw wrong(`"${key}"`);
      size[key] = Number(value);
    }
    return {
      name,
      category,
      repo,
      ...revision !== "-" && { revision },
      split,
      ...subset !== "-" && { subset },
      ...options,
      domains,
      ...Object.keys(size).length > 0 && { size },
    } as unknown as Extract<SingleTask, { category: C }>;
  });
}

function optionsOf(
  category: MtebCategory,
  take: (key: string) => string | undefined,
  flag: (key: string) => boolean,
): Record<string, unknown> {
  switch (category) {
    case "retrieval":
      return { dropSelf: flag("drop-self") };
    case "reranking":
      return flag("subqueries") ? { subqueries: true } : {};
    case "classification": {
      const stratified = take("stratified");
      return {
        samplesPerLabel: Number(take("samples") ?? SAMPLES_PER_LABEL),
        ...stratified && { testSample: Number(stratified) },
      };
    }
    case "sts":
      return { scoreRange: take("scores")!.split("..").map(Number) };
    case "summarization":
      return flag("legacy") ? { legacy: true } : {};
    default:
      return {};
  }
}
