/**
 * Summarization: how well a summary's similarity to people's summaries orders machine summaries as people's ratings do.
 *
 * Reference: MTEB 1.38.33's `SummarizationEvaluator` (task `SummEvalSummarization.v2`). The older task `SummEval` averages
 * correlations together with their p-values (mteb issue 1156); that number is `spearman_and_p_mean` here, for comparison with
 * published tables only: it is no correlation.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import { normalised, type Score, type Vectors } from "../score.ts";
import { isConstant, mean, pearson, spearman } from "../statistics.ts";
import { dot } from "./similarity.ts";
import { spearmanPValue } from "./student_t.ts";

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

/** A document's correlations. */
type Correlations = Readonly<
  Record<"cosine_spearman" | "cosine_pearson" | "dot_spearman" | "dot_pearson" | "p", number>
>;

/**
 * Scores documents; main metric `cosine_spearman`: a machine summary's prediction is its largest cosine with a human summary,
 * and the score is the mean over documents of the correlation of predictions and ratings. A document with equal ratings or
 * equal predictions has no correlation: it is an item without a value, counted and told.
 *
 * @throws UsageError if every document's ratings are equal
 * @throws NumericError if no document has a correlation because its predictions are equal, or an embedding is zero
 */
export function scoreSummarization(documents: readonly SummarizedDocument[], vectors: Vectors): Score {
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
  const [cosine, p] = [average("cosine_spearman"), average("p")];
  return {
    main: "cosine_spearman",
    aggregate: "mean",
    metrics: {
      cosine_spearman: cosine,
      cosine_pearson: average("cosine_pearson"),
      dot_spearman: average("dot_spearman"),
      dot_pearson: average("dot_pearson"),
      // Two summaries have a correlation, but no p-value.
      ...(Number.isFinite(p) && { spearman_and_p_mean: (cosine + p) / 2 }),
    },
    items: documents.map(({ id }, i) => {
      const result = results[i]!;
      return typeof result === "string"
        ? { id, skipped: result }
        : { id, value: result.cosine_spearman, ...(Number.isFinite(result.p) && { pValue: result.p }) };
    }),
    counts: {
      documents: documents.length,
      scored: scored.length,
      skipped_equal_ratings: equalRatings,
      skipped_equal_predictions: equalPredictions,
    },
    warnings: [
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
  const rho = spearman(relevance, cosines);
  return {
    cosine_spearman: rho,
    cosine_pearson: pearson(relevance, cosines),
    dot_spearman: spearman(relevance, dots),
    dot_pearson: pearson(relevance, dots),
    p: machine.length < 3 ? NaN : spearmanPValue(rho, machine.length),
  };
}
