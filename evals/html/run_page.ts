/**
 * The report of a run as one page that needs nothing but itself. It is made from the run's records alone and holds no date, so that
 * the same records give the same bytes.
 *
 * @module
 */
import type { JournalRecord } from "../../lib/journal/append.ts";
import { EMBEDDED_BACKBONE } from "../../lib/manifest/names.ts";
import type { Comparison } from "../compare.ts";
import type { Overlap } from "../overlap.ts";
import type { PaperComparison } from "../paper/comparison.ts";
import { scoreTables } from "../report.ts";
import { cautions } from "./cautions.ts";
import { lines, type Markup, markup } from "./markup.ts";
import { renderPage, type Section } from "./page.ts";
import { type RationaleSamples } from "./rationale_samples.ts";
import { paperSection, resultsSection } from "./results_section.ts";
import { type RunFacts, settingsSection } from "./settings_section.ts";
import { htmlTable } from "./table.ts";
import { type ArmScores, taskSections, warningTable } from "./task_sections.ts";
import { trainingSection } from "./training_section.ts";

/** A training of a run. */
export interface ReportedTraining {
  readonly name: string;
  /** Records of its steps. */
  readonly steps: readonly JournalRecord[];
  /** Its chart; null where there is no step. */
  readonly chart: string | null;
  /** Null where no rationales are sampled. */
  readonly samples: RationaleSamples | null;
}

/** Everything on the page. */
export interface RunPage extends RunFacts {
  /** Null for a run of a single arm. */
  readonly comparison: Comparison | null;
  readonly arms: readonly ArmScores[];
  readonly paper: Pick<PaperComparison, "table" | "notes">;
  /** What is said where the paper has no such numbers. */
  readonly noPaper: string;
  /** Chart of embedding against general ability; null where one of them was not evaluated. */
  readonly tradeoff: string | null;
  readonly trainings: readonly ReportedTraining[];
  readonly overlaps: readonly Overlap[];
}

/** Renders the page; the result ends with a line feed. */
export function renderRunPage(page: RunPage): string {
  const { backbone, folder, suite, comparison, paper, noPaper, arms, trainings } = page;
  const sections: readonly (Section | null)[] = [
    { id: "cautions", title: "What may not be concluded", body: cautionList(page) },
    { id: "results", title: "Results", body: results(page) },
    comparison === null
      ? null
      : { id: "paper", title: "The paper's numbers", body: paperSection(paper, noPaper) },
    { id: "settings", title: "What was compared", body: settingsSection(page) },
    trainings.length === 0
      ? null
      : { id: "training", title: "Training", body: lines(trainings.map(trainingSection)) },
    { id: "tasks", title: "Tasks", body: lines(taskSections(arms)) },
    { id: "repeat", title: "Verify and repeat", body: commands(page) },
  ];
  return renderPage({
    title: `GRACE run: backbone ${backbone}, suite ${suite.id}`,
    lead: markup`<p>${
      arms.map(({ name }) => name).join(", ")
    }. Folder <code>${folder}</code>. Every number follows from the
records in it; <a href="#repeat">how to check that</a>.</p>`,
    sections: sections.filter((section) => section !== null),
  });
}

function cautionList({ plans, settings, suite, examples, overlaps, comparison, arms }: RunPage): Markup {
  const { seed } = settings.manifest, { scores } = arms[0]!;
  const told = cautions({ plans, seed, suite, examples, overlaps, comparison, scores });
  return lines([
    markup`<ul class="warnings">
${lines(told.map((text) => markup`<li>${text}</li>`))}</ul>`,
    warningTable(arms),
  ]);
}

function results({ comparison, arms, tradeoff }: RunPage): Markup {
  return comparison === null
    ? lines(scoreTables(arms[0]!.scores).map(htmlTable))
    : resultsSection(comparison, tradeoff);
}

function commands({ folder, settings: { manifest }, suite }: RunPage): Markup {
  const data = suite.embedded ? "" : " --data-root <folder>";
  const verified = `runs/${folder}${
    manifest.backbone === EMBEDDED_BACKBONE ? "" : " --backbone <model>"
  }${data}`;
  return markup`<p>This file, every score and every journal are compared with what they follow from:</p>
<pre>grace-repro verify ${verified}</pre>
<p>So are the first training steps and rationales, executed again:</p>
<pre>grace-repro verify ${verified} --replay 2</pre>
<p>The whole run again. On the same program, engine and processor it gives the same bits; on others, what differs is told:</p>
<pre>grace-repro run --manifest runs/${folder}/grace.json${data} --out again
grace-repro diff runs/${folder} again/${folder}</pre>`;
}
