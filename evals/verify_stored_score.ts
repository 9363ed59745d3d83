/**
 * Whether a stored score follows from its stored items: for a reader who has neither the model nor the data.
 *
 * @module
 */
import { z } from "zod";
import type { Lock } from "../lib/manifest/lock.ts";
import { sha256Hex } from "../lib/manifest/hash.ts";
import type { Checking } from "../lib/verify/check.ts";
import type { RunFiles } from "../lib/verify/run_files.ts";
import { aggregateItems } from "./aggregate.ts";
import { standardErrorOfItems } from "./bootstrap.ts";
import type { Aggregate, ScoredItem } from "./score.ts";
import { SCORE_SCHEMA } from "./score_record.ts";
import type { ExpectedDigests } from "./verify_evaluation.ts";

/** mteb rounds some metrics to five decimals; a mean is added up in another order. */
const ROUNDED = 5.1e-6;

/** What of a score's record is read here. */
const storedScore = z.looseObject({
  schema: z.literal(SCORE_SCHEMA),
  suite: z.string(),
  task: z.string(),
  category: z.string(),
  main: z.string(),
  value: z.number(),
  stderr: z.number().nullable(),
  aggregate: z.enum(["mean", "spearman", "max_ap"]),
  metrics: z.record(z.string(), z.number()),
  counts: z.record(z.string(), z.number()),
  files: z.array(z.looseObject({ path: z.string(), sha256: z.string(), bytes: z.int() })),
  model: z.string(),
  items: z.strictObject({
    file: z.string().regex(/^[\w.-]+\.items\.jsonl$/),
    rows: z.int(),
    sha256: z.string(),
  }),
});

/** Of an item what makes up its metric. */
const storedItem = z.looseObject({
  id: z.string(),
  value: z.number().exactOptional(),
  similarity: z.number().exactOptional(),
  similarities: z.record(z.string(), z.number()).exactOptional(),
  gold: z.number().exactOptional(),
  group: z.string().exactOptional(),
});

/** Checks a score and its items. */
export function checkStoredScore(
  { files, lock, suite, expected }: {
    files: RunFiles;
    lock: Lock;
    suite: string;
    expected: ExpectedDigests;
  },
  file: string,
  it: Checking,
): void {
  const text = files.text(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return it.problem({ file, what: `is not JSON: ${(error as Error).message}` });
  }
  const parsed = storedScore.safeParse(value);
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      it.problem({ file, field: path.join("."), what: message });
    }
    return;
  }
  const score = parsed.data;
  if (JSON.stringify(value, null, 2) + "\n" !== text) {
    it.problem({ file, what: "is not written as a score is" });
  }
  it.same({ file, field: "suite" }, score.suite, suite);
  it.same({ file, field: "value" }, score.value, score.metrics[score.main]);
  const model = score.category === "general" ? expected.generator : expected.encoder;
  if (model !== undefined) it.same({ file, field: "model" }, score.model, model);
  else it.note(`the digest of the model is not compared: ${expected.unknown}`);
  for (const { path, sha256, bytes } of score.files) {
    const locked = lock.inputs[`data/${path}`];
    it.same(
      { file, field: `files, ${path}` },
      { sha256, bytes },
      locked && { sha256: locked.sha256, bytes: locked.bytes },
    );
  }
  checkItems(files, file, score, it);
}

function checkItems(files: RunFiles, file: string, score: z.infer<typeof storedScore>, it: Checking): void {
  const name = `${file.replace(/[^/]*$/, "")}${score.items.file}`, text = files.text(name);
  it.same({ file, field: "items.sha256" }, score.items.sha256, sha256Hex(text));
  const lines = text.split("\n").slice(0, -1), items: ScoredItem[] = [];
  it.same({ file, field: "items.rows" }, score.items.rows, lines.length);
  for (const [i, line] of lines.entries()) {
    it.count();
    try {
      items.push(storedItem.parse(JSON.parse(line)) as ScoredItem);
    } catch (error) {
      const said = error instanceof z.ZodError
        ? error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")
        : (error as Error).message;
      it.problem({ file: name, at: `line ${i + 1}`, what: said });
    }
  }
  if (items.length < lines.length || items.length === 0) return;
  const aggregate: Aggregate = score.aggregate, again = aggregateItems(items, aggregate);
  if (!(Math.abs(again - score.value) <= ROUNDED)) {
    it.problem({
      file,
      field: `value (${score.main})`,
      stored: score.value,
      found: Number.isNaN(again) ? "not a number" : again,
    });
  }
  it.same({ file, field: "stderr" }, score.stderr, standardErrorOfItems(items, aggregate));
}
