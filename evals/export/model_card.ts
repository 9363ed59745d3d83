/**
 * The model card of a trained arm (`README.md` of its folder): what it was trained on and how, what its scores are, what may not be
 * concluded from them, and how it is made again. Everything in it comes from the run's own records.
 *
 * @module
 */
import { stringify } from "yaml";
import type { PlannedArm, Training } from "../../lib/manifest/arms.ts";
import type { StoredManifest } from "../../lib/manifest/identity.ts";
import type { Lock } from "../../lib/manifest/lock.ts";
import { dosage } from "../../lib/train/data_order.ts";
import { compareScores } from "../compare.ts";
import { renderComparison, renderScores } from "../report.ts";
import type { LoadedScore } from "../score_record.ts";
import { layOutMarkdown } from "../table_layout.ts";
import { conclusions } from "./conclusions.ts";
import { settingsTable } from "./settings_table.ts";

/** What a card is about. */
export interface CardSubject {
  /** The library that loads the folder, as the hub calls it. */
  readonly library: "transformers" | "sentence-transformers" | "gguf";
  /** What the hub lists the model under. */
  readonly task: "text-generation" | "sentence-similarity";
  /** Name of the backbone. */
  readonly backbone: string;
  /** Its id on the hub; null if it is not from there, as far as the run says. */
  readonly repo: string | null;
  readonly plan: PlannedArm & { readonly training: Training };
  readonly stored: StoredManifest;
  readonly lock: Lock;
  /** Scores of the arm; none where the folder embeds otherwise than they were made. */
  readonly scores: readonly LoadedScore[];
  /** What the arm is compared with. */
  readonly base: { readonly name: string; readonly scores: readonly LoadedScore[] } | null;
  /** How it is used: Markdown below the heading. */
  readonly usage: string;
  /** What was checked when the folder was made, in sentences. */
  readonly checked: string;
}

/** Text of the card. */
export function modelCard(subject: CardSubject): string {
  const { plan, backbone, lock, stored } = subject, { training } = plan;
  const own = plan.name === training.name ? "" : ` It is read as the control \`${plan.name}\` says.`;
  return [
    `---\n${frontMatter(subject)}---\n`,
    `# ${backbone}, arm \`${plan.name}\`\n`,
    `The weights of ${backbone} after it was trained ${
      howTrained(training)
    } by grace-repro ${lock.tool.version}.${own} ` +
    `Run \`${stored.identity.slice(0, 12)}\`; made for research, tested for nothing else.\n`,
    "## Use\n",
    subject.usage + "\n",
    "## Training data\n",
    trainingData(subject),
    "## Settings\n",
    settingsTable(subject),
    "## Results\n",
    results(subject),
    "## What may not be concluded\n",
    conclusions(subject).map((text) => `- ${text}\n`).join(""),
    "## To make it again\n",
    reproduction(subject),
  ].join("\n");
}

/** Objective, and what of the weights moved, as they follow "trained". */
function howTrained({ arm, manifest: { advantage: { estimator }, lora } }: Training): string {
  const goal = "to write rationales that make its embeddings better " +
    "(GRACE, [arXiv 2510.04506](https://arxiv.org/abs/2510.04506))";
  const how = arm === "cl"
    ? "contrastively (InfoNCE over in-batch and hard negatives)"
    : estimator === "grpo"
    ? `with GRPO ${goal}`
    : `by policy gradients, with the advantages of \`${estimator}\`, ${goal}`;
  return lora.rank === 0 ? how : `${how}, as adapters of rank ${lora.rank} that are merged here,`;
}

/** The metadata that the hub reads. */
function frontMatter({ library, task, repo, plan, stored, backbone }: CardSubject): string {
  const dataSet = /^datasets\/([^/@]+\/[^/@]+)/.exec(stored.manifest.data.train)?.[1];
  return stringify({
    ...repo !== null && { base_model: repo },
    library_name: library,
    pipeline_tag: task,
    ...dataSet !== undefined && { datasets: [dataSet] },
    tags: [
      ...library === "sentence-transformers" ? ["sentence-transformers", "feature-extraction"] : [],
      "grace",
      ...tagsOf(plan.training),
      "embeddings",
      "arxiv:2510.04506",
    ],
    model_name: `${backbone}-${plan.name}`,
  });
}

function tagsOf({ arm, manifest: { advantage: { estimator }, lora } }: Training): string[] {
  const objective = arm === "cl" ? "contrastive" : estimator === "grpo" ? "grpo" : "reinforcement-learning";
  return [objective, ...lora.rank > 0 ? ["lora"] : []];
}

function trainingData({ lock, plan: { training }, stored: { manifest: { data } } }: CardSubject): string {
  const { steps, batch } = dosage(training.arm, training.manifest);
  const all = Object.entries(lock.inputs).filter(([name]) => name.startsWith("data/"));
  // A data set of the hub has other names for its files than the setting has for the data set.
  const named = all.filter(([name]) => name === `data/${data.train}`), isNamed = named.length > 0;
  return layOutMarkdown([{
    title: isNamed ? "What it was trained on" : `All data of the run, those of ${data.train} among them`,
    head: ["file", "SHA-256", "rows"],
    rows: (isNamed ? named : all).map(([name, { rows, sha256 }]) => [
      `\`${name.slice("data/".length)}\``,
      `\`${sha256}\``,
      String(rows ?? ""),
    ]),
    textColumns: 2,
  }], [
    `${steps} steps of ${batch} examples each; kind: ${data.kind}. Every other file that went in, with its SHA-256, is in ` +
    `\`grace.lock.json\`.`,
  ]);
}

function results({ plan, scores, base }: CardSubject): string {
  const { name, rationale, manifest: { evaluation } } = plan;
  if (scores.length === 0) {
    return "None: the run has no scores of this arm read as this folder embeds, from the text alone.\n";
  }
  const how = rationale
    ? `Each text was embedded with a rationale that the model wrote about it (temperature ${evaluation.temperature}).`
    : "Each text was embedded alone, without a rationale.";
  if (base === null || base.name === name) {
    return `${how}\n\n${renderScores(scores.map(({ record }) => record), "markdown")}`;
  }
  const tasks = scores.map(({ record: { task } }) => task);
  const before = base.scores.filter(({ record: { task } }) => tasks.includes(task));
  const comparison = compareScores([{ name: base.name, scores: before }, { name, scores }]);
  return `${how} \`${base.name}\` is the untrained backbone.\n\n${renderComparison(comparison, "markdown")}`;
}

function reproduction({ stored, lock, checked }: CardSubject): string {
  const { tool, engine } = lock;
  return `\`grace.json\` gives every setting of the run, and \`grace.lock.json\` the SHA-256 of everything that went in:

\`\`\`sh
grace-repro run --manifest grace.json --data-root <folder> --backbone <model>
\`\`\`

The folder of the run must end in \`${
    stored.identity.slice(0, 12)
  }\`: its identity is \`${stored.identity}\`. The bits are those of

- grace-repro ${tool.version}, source \`${tool.source}\`,
- ${engine.device} (${engine.runtime}${
    engine.threads > 0 ? `, ${engine.threads} threads` : ""
  }), ${engine.cpu}, Deno ${engine.deno};

elsewhere, rounding differs. ${checked} \`sha256sum -c SHA256SUMS\` checks the files of this folder.
`;
}
