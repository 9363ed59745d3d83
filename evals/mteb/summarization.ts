/**
 * Summarization: how well a summary's similarity to people's summaries orders machine summaries as people's ratings do.
 *
 * Reference: MTEB 1.38.33's `SummarizationEvaluator` (task `SummEvalSummarization.v2`). The older task `SummEval` averages
 * correlations together with their p-values (mteb issue 1156). That number is `spearman_and_p_mean` here, and the main metric
 * where the options say `legacy`, since every published score of SummEval is one: it is no correlation.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import { normalised, type Score, type Vectors } from "../score.ts";
import { isConstant, mean, pearson, spearman } from "../statistics.ts";
import { dot } from "./similarity.ts";
import { correlationPValue } from "./student_t.ts";

/** Changes whenever the same embeddings would give other numbers. */
export const SUMMARIZATION_SCORER = "summarization/1";

/** A document's summaries. The document itself is not embedded. */
export interface SummarizedDocument {
  readonly id: string;
  /** Written by people. */
  readonly humanSummaries: readonly string[];
  /** To be judged. */
  readonly machineSummaries: readonly string[];
  /** People's rating of each machine summary, on any scale. */
  readonly relevance: readonly number[];
}

/** Whose metric. */
export interface SummarizationOptions {
  /** The mean of correlation and p-value as main metric. */
  readonly legacy: boolean;
}

const CORRELATIONS = ["cosine_spearman", "cosine_pearson", "dot_spearman", "dot_pearson"] as const;

/** A document's correlations, and their p-values (NaN for two summaries, which have a correlation but no p-value). */
type Correlations = Readonly<
  Record<typeof CORRELATIONS[number] | `${typeof CORRELATIONS[number]}_p`, number>
>;

/**
 * Scores documents; main metric `cosine_spearman`, or `spearman_and_p_mean` of the older task: a machine summary's prediction is its largest cosine with a human summary,
 * and the score is the mean over documents of the correlation of predictions and ratings. A document with equal ratings or
 * equal predictions has no correlation: it is an item without a value, counted and told.
 *
 * @throws UsageError if every document's ratings are equal
 * @throws NumericError if no document has a correlation because its predictions are equal, or an embedding is zero
 */
export function scoreSummarization(
  documents: readonly SummarizedDocument[],
  vectors: Vectors,
  { legacy }: SummarizationOptions = { legacy: false },
): Score {
  const results = documents.map((document) => correlate(document, vectors));
  const scored = results.filter((result) => typeof result !== "string");
  const equalRatings = results.filter((result) => result === "equal ratings").length;
  const equalPredictions = results.filter((result) => result === "equal predictions").length;
  if (equalRatings === documents.length) {
    throw new UsageError(
      `the ratings of every one of ${documents.length} documents are equal: a correlation with them does not exist`,
      "use summaries that were rated differently",
    );
  }
  if (scored.length === 0) {
    throw new NumericError(
      `the predictions of each of ${equalPredictions} documents are equal: a correlation with them does not exist`,
      "the model has collapsed to one embedding for every text: evaluate an earlier checkpoint, or train with a lower " +
        "learning rate",
    );
  }
  const average = (name: keyof Correlations) => mean(scored.map((result) => result[name]));
  const withP = Object.fromEntries(
    CORRELATIONS.map((name) => [legacyName(name), (average(name) + average(`${name}_p`)) / 2]),
  );
  const hasP = Object.values(withP).every(Number.isFinite);
  if (legacy && !hasP) {
    throw new UsageError(
      "a document has but two machine summaries: there is no p-value, and so no score of the older task",
      "score it as SummEvalSummarization.v2",
    );
  }
  const warnings = legacy
    ? [
      "the score is the mean of correlations and their p-values, as all published scores of this task are (mteb issue 1156); " +
      `the correlation is ${(100 * average("cosine_spearman")).toFixed(2)}`,
    ]
    : [];
  return {
    main: legacy ? legacyName("cosine_spearman") : "cosine_spearman",
    aggregate: "mean",
    metrics: {
      ...Object.fromEntries(CORRELATIONS.map((name) => [name, average(name)])),
      ...(hasP && withP),
    },
    items: documents.map(({ id }, i) => {
      const result = results[i]!;
      if (typeof result === "string") return { id, skipped: result };
      const { cosine_spearman: rho, cosine_spearman_p: pValue } = result;
      return {
        id,
        value: legacy ? (rho + pValue) / 2 : rho,
        ...legacy && { correlation: rho },
        ...Number.isFinite(pValue) && { pValue },
      };
    }),
    counts: {
      documents: documents.length,
      scored: scored.length,
      skipped_equal_ratings: equalRatings,
      skipped_equal_predictions: equalPredictions,
    },
    warnings: [
      ...warnings,
      ...(equalRatings === 0 ? [] : [
        `${equalRatings} of ${documents.length} documents have equal ratings and are not scored`,
      ]),
      ...(equalPredictions === 0 ? [] : [
        `${equalPredictions} of ${documents.length} documents have equal predictions and are not scored: ` +
        `the score is that of the others`,
      ]),
    ],
  };
}

function correlate(
  document: SummarizedDocument,
  vectors: Vectors,
): Correlations | "equal ratings" | "equal predictions" {
  const { humanSummaries, machineSummaries, relevance } = document;
  const embed = (text: string) => {
    const raw = vectors(text);
    return { raw, unit: normalised(raw, `"${text.slice(0, 60)}"`) };
  };
  const human = humanSummaries.map(embed), machine = machineSummaries.map(embed);
  const cosines = machine.map((m) => Math.max(...human.map((h) => dot(m.unit, h.unit))));
  const dots = machine.map((m) => Math.max(...human.map((h) => dot(m.raw, h.raw))));
  if (isConstant(relevance)) return "equal ratings";
  if (isConstant(cosines) || isConstant(dots)) return "equal predictions";
  const found = {
    cosine_spearman: spearman(relevance, cosines),
    cosine_pearson: pearson(relevance, cosines),
    dot_spearman: spearman(relevance, dots),
    dot_pearson: pearson(relevance, dots),
  };
  const p = (rho: number) => machine.length < 3 ? NaN : correlationPValue(rho, machine.length);
  return {
    ...found,
    cosine_spearman_p: p(found.cosine_spearman),
    cosine_pearson_p: p(found.cosine_pearson),
    dot_spearman_p: p(found.dot_spearman),
    dot_pearson_p: p(found.dot_pearson),
  };
}

/** "spearman_and_p_mean" of the cosine, "dot_spearman_and_p_mean" of the dot product. */
function legacyName(name: typeof CORRELATIONS[number]): string {
  return `${name.replace(/^cosine_/, "")}_and_p_mean`;
}
