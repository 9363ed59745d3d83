/**
 * What a run leaves for readers, all of it derived from its records: tables, curves of training, and the chart of what each
 * arm gains against what it costs.
 *
 * @module
 */
import { basename, join } from "node:path";
import { type Arm, compareScores, type Comparison } from "../evals/compare.ts";
import { failuresOf } from "../evals/failures.ts";
import { rationaleSamples } from "../evals/html/rationale_samples.ts";
import { renderRunPage } from "../evals/html/run_page.ts";
import type { ArmScores } from "../evals/html/task_sections.ts";
import type { Overlap } from "../evals/overlap.ts";
import { type PaperComparison, paperComparison } from "../evals/paper/comparison.ts";
import { journalCharts } from "../evals/plot/journal_charts.ts";
import { drawScatter } from "../evals/plot/scatter.ts";
import { drawSmallMultiples } from "../evals/plot/small_multiples.ts";
import { tradeoff, type TradeoffArm } from "../evals/plot/tradeoff.ts";
import { renderComparison, renderScores } from "../evals/report.ts";
import { comparisonTable, tableArrow } from "../evals/report_table.ts";
import { readScores, type ScoreRecord } from "../evals/score_record.ts";
import type { Suite } from "../evals/suite.ts";
import type { JournalRecord } from "../lib/journal/append.ts";
import { journalPath, RunDocument, scoresPath } from "../lib/journal/layout.ts";
import { readJournal } from "../lib/journal/read.ts";
import type { RunFolder } from "../lib/journal/run_folder.ts";
import type { PlannedArm } from "../lib/manifest/arms.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import { parseResolved } from "../lib/manifest/identity.ts";
import { loadLock } from "../lib/manifest/lock.ts";
import type { Manifest } from "../lib/manifest/schema.ts";
import { describeExposure } from "./exposure.ts";
import { trainingsOf } from "./inputs.ts";

/** A column of the report. */
export interface ReportedArm {
  readonly name: string;
  /** The arm that it derives from, or is. */
  readonly of: string;
  /** Arm whose training made its weights; null for the untrained ones. */
  readonly weights: string | null;
  /** Whether a rationale is written before a text is embedded. */
  readonly rationale: boolean;
  /** Temperature of that rationale. */
  readonly temperature: number | null;
}

/** Everything that a run found. */
export interface RunReport {
  readonly arms: readonly ReportedArm[];
  /** What the trained arms saw, in a sentence; empty if none was trained. */
  readonly exposure: string;
  /** Null for a run of a single arm. */
  readonly comparison: Comparison | null;
  /** Scores of the single arm; null where several are compared. */
  readonly scores: readonly ScoreRecord[] | null;
  /** Records of every training step, by the arm that was trained. */
  readonly training: Readonly<Record<string, readonly JournalRecord[]>>;
  /** Tables for people. */
  readonly text: string;
}

const NO_PAPER = "The paper has no numbers for these tasks, so none stand beside ours.";

/** What a report says of a run besides what the run's records tell. */
export interface ReportedRun {
  readonly plans: readonly PlannedArm[];
  /** Name of the backbone. */
  readonly name: string;
  readonly suite: Suite;
  /** Number of training examples. */
  readonly examples: number;
  readonly kind: Manifest["data"]["kind"];
  /** Training rows from what is evaluated; null where the data are not here to tell, and then `report.html` is not made. */
  readonly overlaps: readonly Overlap[] | null;
}

/** Reads the records of a finished run and writes its report. */
export async function writeReport(about: ReportedRun, run: RunFolder): Promise<RunReport> {
  const { report, files } = await makeReport(about, run.path);
  for (const [name, content] of files) run.writeFile(name, content);
  return report;
}

/** Makes the report of a finished run from its records, and writes nothing: the files by name. */
export async function makeReport(
  about: ReportedRun,
  folder: string,
): Promise<{ report: RunReport; files: Map<string, string | Uint8Array> }> {
  const { plans, name: backbone, examples } = about;
  const trainings = trainingsOf(plans);
  const training = Object.fromEntries(
    trainings.map(({ name }) => [name, readJournal(journalPath(folder, name, "steps"))]),
  );
  const exposure = describeExposure(trainings, examples);
  const arms = await readArms(plans, folder);
  const tables = tablesOf(about, arms);
  const behind = exposure && `\n${exposure}\n`;
  const [text, markdown] = [tables.text + behind, tables.markdown + behind];
  const files = new Map<string, string | Uint8Array>([["report.txt", text], ["report.md", markdown]]);
  const curves = new Map<string, string>();
  for (const [name, records] of Object.entries(training)) {
    if (records.length === 0) continue;
    curves.set(name, drawSmallMultiples(journalCharts(`${backbone}, training of ${name}`, records)));
    files.set(`report.curves-${name}.svg`, curves.get(name)!);
  }
  const { comparison, scores } = tables;
  let chart: string | null = null;
  if (comparison) {
    files.set("report.json", renderComparison(comparison, "json"));
    files.set("report.csv", renderComparison(comparison, "csv"));
    files.set("report.arrow", await tableArrow(comparisonTable(comparison)));
    const points = tradeoff(
      `${backbone}: embedding against general ability`,
      comparison,
      plans.map(onChart),
    );
    if (points) files.set("report.tradeoff.svg", chart = drawScatter(points));
  }
  if (about.overlaps !== null) {
    const { suite, overlaps } = about, resolved = join(folder, RunDocument.resolved);
    files.set(
      "report.html",
      renderRunPage({
        // As stored: a run that is continued may be asked for in other words.
        settings: parseResolved(Deno.readTextFileSync(resolved), resolved),
        lock: loadLock(join(folder, RunDocument.lock)),
        folder: basename(folder),
        ...{ backbone, plans, suite, examples, exposure, overlaps, comparison, noPaper: NO_PAPER },
        paper: tables.paper,
        tradeoff: chart,
        arms: pageArms(plans, arms, folder),
        trainings: trainings.map(({ arm, name }) => ({
          name,
          steps: training[name]!,
          chart: curves.get(name) ?? null,
          samples: arm === "grace" ? rationaleSamples(journalPath(folder, name, "rationales")) : null,
        })),
      }),
    );
  }
  return {
    report: { arms: plans.map(reported), exposure, comparison, scores, training, text },
    files,
  };
}

function readArms(plans: readonly PlannedArm[], folder: string): Promise<Arm[]> {
  return Promise.all(
    plans.map(async ({ name }) => ({ name, scores: await readScores(join(scoresPath(folder), name)) })),
  );
}

/** What the page shows of each arm. Arms with the same weights answer alike: wrong answers are those of the first. */
function pageArms(plans: readonly PlannedArm[], arms: readonly Arm[], folder: string): ArmScores[] {
  const seen = new Set<string | null>();
  return arms.map(({ name, scores }, i) => {
    const weights = plans[i]!.training?.name ?? null, isNew = !seen.has(weights);
    seen.add(weights);
    return {
      name,
      scores: scores.map(({ record }) => record),
      failures: isNew ? failuresOf(join(scoresPath(folder), name), scores) : [],
    };
  });
}

function reported({ name, root, training, rationale, manifest }: PlannedArm): ReportedArm {
  return {
    name,
    of: root,
    weights: training?.name ?? null,
    rationale,
    temperature: rationale ? manifest.evaluation.temperature : null,
  };
}

/** The contrastive baseline, read without rationale, is a curve over its learning rate, all else being equal. */
export function onChart({ name, root, training, rationale, manifest }: PlannedArm): TradeoffArm {
  const family = training ? root : "untrained";
  if (training?.arm !== "cl" || rationale) return { name, family, curve: null };
  const { learningRate: at, ...others } = manifest.cl;
  return { name, family, curve: { name: canonicalHash({ ...manifest, cl: others }), at } };
}

interface Tables extends Pick<RunReport, "comparison" | "scores" | "text"> {
  readonly markdown: string;
  readonly paper: Pick<PaperComparison, "table" | "notes">;
}

function tablesOf({ suite, name: backbone, kind }: ReportedRun, arms: readonly Arm[]): Tables {
  const none = { table: null, notes: [] };
  if (arms.length === 1) {
    const scores = arms[0]!.scores.map(({ record }) => record);
    return {
      comparison: null,
      scores,
      text: renderScores(scores, "text"),
      markdown: renderScores(scores, "markdown"),
      paper: none,
    };
  }
  const comparison = compareScores(arms);
  // Its tasks are called alike in both parts, of which one is never to be reported.
  const embedded = `Suite "${suite.id}", ${suite.about}. ${NO_PAPER}\n`;
  const paper = suite.embedded
    ? { text: embedded, markdown: embedded, ...none }
    : paperComparison(comparison, backbone, kind);
  return {
    comparison,
    scores: null,
    text: `${renderComparison(comparison, "text")}\n${paper.text}`,
    markdown: `${renderComparison(comparison, "markdown")}\n${paper.markdown}`,
    paper,
  };
}
