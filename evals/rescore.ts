/**
 * Scores the stored outputs of an evaluation again, without a model, and says whether the stored scores are what they give.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { Mirror } from "../lib/data/mirror.ts";
import { requireCoverage } from "./coverage.ts";
import { findSuite, type SuiteChoice, suiteId } from "./find_suite.ts";
import { type ScoreDifference, scoreDifferences } from "./score_differences.ts";
import { readOutputs, scoreOutputs } from "./score_outputs.ts";
import { type LoadedScore, readScores } from "./score_record.ts";
import { resolveSuite, type Suite } from "./suite.ts";

/** What came of it. */
export interface Rescored {
  readonly suite: Suite;
  readonly scores: readonly LoadedScore[];
  /** In what the stored scores differ; null if other scoring was asked for than theirs. */
  readonly differences: readonly ScoreDifference[] | null;
}

/** What to score, and from what. */
export interface RescoreOptions {
  /** Folder of an evaluation; nothing is written to it. */
  readonly folder: string;
  /** Other tasks, or another profile, than those of the stored scores. */
  readonly choice?: SuiteChoice;
  readonly dataRoot: string | undefined;
}

/**
 * Scores what a folder's evaluation stored.
 *
 * @throws MissingError if texts, answers or data sets are missing, or there are no stored scores and no choice of tasks
 * @throws UsageError if stored outputs or scores were changed
 */
export async function rescore({ folder, choice = {}, dataRoot }: RescoreOptions): Promise<Rescored> {
  const chosen = Object.values(choice).some((value) => value !== undefined);
  const stored = chosen && choice.suite !== undefined ? [] : await readScores(folder);
  const suite = findSuite(chosen ? chosenSuite(choice, stored) : storedSuite(stored));
  const tasks = await resolveSuite(suite, new Mirror(dataRoot));
  const outputs = await readOutputs(tasks, folder);
  if (outputs.embeddings !== null) await requireCoverage(tasks, outputs.embeddings, folder);
  const scores = await Array.fromAsync(scoreOutputs(suite, tasks, outputs));
  return { suite, scores, differences: chosen ? null : scoreDifferences(stored, scores) };
}

/** Suite of the stored scores. */
function storedSuite(stored: readonly LoadedScore[]): string {
  const [suite, other] = new Set(stored.map(({ record }) => record.suite));
  if (suite === undefined) throw new MissingError("no stored scores", "name a suite with --suite");
  if (other === undefined) return suite;
  throw new UsageError(
    `scores of the suites "${suite}" and "${other}" lie together`,
    "name one with --suite",
  );
}

/** What is chosen; what is left open is as it was: other tasks of the same suite, or the same tasks under another profile. */
function chosenSuite(choice: SuiteChoice, stored: readonly LoadedScore[]): string {
  if (choice.suite !== undefined) return suiteId(choice, choice.suite)!;
  const [, suite, filter, profile] = /^([^:@]*)(?::([^@]*))?(?:@(.*))?$/s.exec(storedSuite(stored))!;
  const tasks = choice.tasks || choice.types ? {} : { tasks: filter?.split(",") };
  return suiteId({ profile, ...tasks, ...withoutUndefined(choice), suite }, suite!)!;
}

function withoutUndefined<T extends object>(choice: T): Partial<T> {
  return Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== undefined)) as Partial<T>;
}
