/**
 * grace-repro as a library: what the program of that name is made of. From the bottom up:
 *
 * - **engine**: {@linkcode Device}, a vocabulary of tensor ops, and {@linkcode createCpuDevice}, which implements it;
 * - **backbone**: {@linkcode openBackbone} reads a model, {@linkcode Weights} puts it on a device, {@linkcode Decoder}
 *   runs it forwards and backwards over the packed batches that {@linkcode packSequences} makes, {@linkcode LoraAdapter}
 *   trains thin matrices in place of the weights;
 * - **texts**: {@linkcode Prompter} templates a text, {@linkcode generate} samples rationales, {@linkcode embedTexts}
 *   pools text and rationale into a vector;
 * - **objective**: rewards, advantages and losses as pure functions on small arrays, such as {@linkcode batchRewards},
 *   {@linkcode groupAdvantages}, {@linkcode policyLoss} and {@linkcode infoNce};
 * - **training**: {@linkcode policyGradient} and {@linkcode contrastiveGradient} for one update, {@linkcode trainArm} for a
 *   whole arm with journal, checkpoints and resume;
 * - **manifest**: {@linkcode resolveManifest}, {@linkcode parseLock}, {@linkcode diffManifests};
 * - **verification**: {@linkcode checkJournals} and other checks of a run's folder, {@linkcode replaySteps};
 * - **export**: {@linkcode writeSentenceTransformers}, {@linkcode writeGguf}, {@linkcode roCrate};
 * - **evaluation**: {@linkcode runSuite} on anything that is an {@linkcode Encoder}, {@linkcode compareFolders}, the
 *   scorers by themselves, and {@linkcode audit} for tables that are printed somewhere.
 *
 * Dimensions that do not fit are defects of the caller and throw a plain `Error`; everything a user can cause throws a
 * {@linkcode GraceError} with a cause and a cure.
 *
 * @example Embed two texts, each with a rationale that the model writes about it
 * ```ts
 * import * as grace from "./mod.ts";
 *
 * const device = grace.createCpuDevice();
 * // A Hugging Face folder or a .gguf file; this one is a random model of 60,000 parameters for tests.
 * const backbone = await grace.openBackbone("fixtures/golden/models/llama-tied");
 * const weights = grace.Weights.read(device, backbone.config, backbone.tensors);
 * const prompter = new grace.Prompter(backbone, {
 *   system: "Think.",
 *   dateString: "2024-07-26",
 *   promptTokens: 120,
 * });
 * const texts = ["Plants make sugar from light.", "How do plants make food?"];
 * const [plants, food] = await grace.embedTexts(new grace.Decoder(weights), backbone, prompter, texts, {
 *   pooling: grace.TRAINING_POOLING,
 *   normalize: true,
 *   rationale: {
 *     sampling: { temperature: 1, topP: 1, topK: 0 },
 *     maxNewTokens: 8,
 *     samples: 1,
 *     // A random number is a function of what it is for: the same text gets the same rationale in any batch.
 *     uniform: (text, rollout, position) =>
 *       grace.uniform(1, {
 *         purpose: grace.Purpose.evaluation,
 *         example: texts.indexOf(text),
 *         rollout,
 *         position,
 *       }, 24),
 *   },
 * });
 * console.log(plants!.rationales[0], grace.cosine(plants!.embedding, food!.embedding));
 * backbone.close();
 * device.dispose();
 * ```
 *
 * @module
 */

// Engine
export * from "./kernels/attention_types.ts";
export * from "./kernels/device.ts";
export * from "./kernels/layer_types.ts";
export * from "./kernels/lm_head_types.ts";
export * from "./kernels/tensor_types.ts";
export * from "./kernels/training_types.ts";
export * from "./kernels/errors.ts";
export { createCpuDevice } from "./kernels/cpu/mod.ts";
export { createWebGpuDevice, type WebGpuOptions } from "./kernels/webgpu/mod.ts";

// Backbone
export { type Backbone, type BackboneFile, openBackbone } from "./lib/backbone/open.ts";
export type { DecoderConfig } from "./lib/backbone/config.ts";
export type { Gradients, LayerMap, Trainable } from "./lib/backbone/gradients.ts";
export { LoraAdapter, LoraGradients } from "./lib/backbone/lora.ts";
export { LORA_TARGETS, type LoraOptions, type LoraTarget } from "./lib/backbone/lora_options.ts";
export { NamedTensors } from "./lib/backbone/named_tensors.ts";
export { Weights } from "./lib/backbone/weights.ts";
export {
  type Activations,
  Decoder,
  type PackedBatch,
  type PackedSequence,
  packSequences,
} from "./lib/backbone/decoder.ts";

// Texts: prompts, rationales, embeddings
export { type Prompt, Prompter, type PromptOptions } from "./lib/rollout/prompt.ts";
export { generate } from "./lib/rollout/generate.ts";
export type {
  GenerateOptions,
  PoolSpec,
  Rollout,
  RolloutRequest,
  RolloutRows,
} from "./lib/rollout/request.ts";
export { roomForActivations } from "./lib/rollout/keep_activations.ts";
export type { KeptActivations, KeptRows } from "./lib/backbone/kept_activations.ts";
export { type EmbeddedText, type EmbedOptions, embedTexts } from "./lib/rollout/embed.ts";
export { continueTexts } from "./lib/rollout/continue_text.ts";
export { logLikelihoods } from "./lib/rollout/log_likelihoods.ts";
export { type EncodedText, type OnnxEncodeOptions, OnnxEncoder } from "./lib/encoder/onnx_encoder.ts";
export { Purpose, type RandomAddress, uniform } from "./lib/rollout/philox.ts";

// Objective
export { poolingRanges, type PoolingSwitches, TRAINING_POOLING } from "./lib/objective/pooling.ts";
export {
  type BatchRewards,
  batchRewards,
  type GroupRewards,
  type RewardGroup,
  type RewardOptions,
} from "./lib/objective/reward.ts";
export { rewardStatistics } from "./lib/objective/reward_statistics.ts";
export {
  type AdvantageEstimator,
  type AdvantageOptions,
  type Advantages,
  groupAdvantages,
  type RolloutFacts,
} from "./lib/objective/advantage.ts";
export { type GreedyRationale, greedyRewards } from "./lib/objective/greedy_reward.ts";
export {
  type PolicyBatch,
  type PolicyLoss,
  policyLoss,
  type SurrogateOptions,
} from "./lib/objective/policy_loss.ts";
export {
  infoNce,
  type InfoNceBatch,
  type InfoNceOptions,
  type InfoNceResult,
} from "./lib/objective/info_nce.ts";
export { protocolSwitches, type ProtocolVariant } from "./lib/objective/variants.ts";
export { cosine, type Embedding, l2Normalize } from "./lib/objective/vector.ts";

// Training
export { policyGradient, type PolicyGroup, type PolicyOptions } from "./lib/train/policy_update.ts";
export {
  type ContrastiveBatch,
  contrastiveGradient,
  type ContrastiveOptions,
} from "./lib/train/contrastive_update.ts";
export { DataOrder, type Dosage, dosage, examplesSeen } from "./lib/train/data_order.ts";
export { Optimizer } from "./lib/train/optimizer.ts";
export { openTrainedModel, type TrainedModel } from "./lib/train/trained_model.ts";
export { trainArm, type TrainArmOptions } from "./lib/train/loop.ts";
export { RunFolder } from "./lib/journal/run_folder.ts";
export { readJournal } from "./lib/journal/read.ts";

// Data
export { Mirror } from "./lib/data/mirror.ts";
export { loadTexts, loadTriplets, type TrainingText, type Triplet } from "./lib/data/training.ts";

// Hub
export { cacheFolder, findSnapshot, type Snapshot } from "./lib/hub/cache.ts";
export { HubConnection, type HubSettings, hubSettings } from "./lib/hub/connection.ts";
export { parseRepo, type Repo } from "./lib/hub/repo.ts";
export { pull, type Pulled, type PullOptions } from "./lib/hub/pull.ts";
export { chooseBackboneFiles } from "./lib/hub/backbone_files.ts";
export { chooseDataFiles } from "./lib/data/choose_data_files.ts";

// Manifest
export { planArm, planArms, type PlannedArm, type Training } from "./lib/manifest/arms.ts";
export { PROTOCOL_DEPARTURES } from "./lib/manifest/departures.ts";
export { describeDifference, diffManifests } from "./lib/manifest/diff.ts";
export { explainKey, type Explanation } from "./lib/manifest/explain.ts";
export { loadLock, type Lock, lockText, parseLock } from "./lib/manifest/lock.ts";
export { type SettingView, viewSettings } from "./lib/manifest/overview.ts";
export { loadManifest, parseManifest } from "./lib/manifest/parse.ts";
export { defaultPreset, presetManifest } from "./lib/manifest/presets.ts";
export { type Override, type ResolvedManifest, resolveManifest } from "./lib/manifest/resolve.ts";
export type { Manifest, ManifestInput, Preset } from "./lib/manifest/schema.ts";
export { requireLock, verifyLock } from "./lib/manifest/verify.ts";
export { describeLockDifference, diffLocks, type LockDifference } from "./lib/manifest/diff_locks.ts";

// Verification: checks of a run's folder that trust nothing in it, and its training executed again
export {
  type Check,
  type CheckPart,
  type CheckStatus,
  describeProblem,
  type Problem,
} from "./lib/verify/check.ts";
export { checkCheckpoint, type CheckedCheckpoint } from "./lib/verify/checkpoints.ts";
export { checkDocuments, type RunDocuments } from "./lib/verify/documents.ts";
export { type ArmJournals, diffJournals } from "./lib/verify/journal_diff.ts";
export { RunFiles } from "./lib/verify/run_files.ts";
export { checkJournals } from "./lib/verify/steps.ts";
export { type ReplayedStep, type ReplayOptions, replaySteps } from "./lib/train/replay.ts";
export { checkEvaluation, type EvaluationCheckOptions } from "./evals/verify_evaluation.ts";
export { type ArmScores, diffScores } from "./evals/diff_scores.ts";

// Export
export {
  type SentenceTransformersModel,
  writeSentenceTransformers,
} from "./lib/export/sentence_transformers.ts";
export { writeGguf } from "./lib/export/gguf.ts";
export { type CrateSubject, roCrate } from "./lib/export/ro_crate.ts";

// Evaluation
export type {
  AnswerOptions,
  Encoded,
  Encoder,
  EncoderPrompts,
  Generation,
  GenerationRequest,
  Generator,
  Likelihood,
  LikelihoodRequest,
} from "./evals/encoder.ts";
export {
  runSuite,
  type RunSuiteOptions,
  scoreFromRecords,
  type SuiteProgress,
  type SuiteResult,
} from "./evals/run_suite.ts";
export { rescore, type Rescored } from "./evals/rescore.ts";
export type { ScoreDifference } from "./evals/score_differences.ts";
export { GivenEmbeddings } from "./evals/given_embeddings.ts";
export { findSuite } from "./evals/find_suite.ts";
export { type DataNeed, dataNeeds } from "./evals/data_needs.ts";
export { type Suite, type SuiteEntry, SUITES } from "./evals/suite.ts";
export { compareFolders, type Comparison } from "./evals/compare.ts";
export { type Baseline, baselineText, parseBaseline, type Tolerance } from "./evals/regression/baseline.ts";
export { type CheckOptions, type CheckReport, checkScores } from "./evals/regression/check.ts";
export { makeBaseline, type Measured } from "./evals/regression/make_baseline.ts";
export { renderCheck } from "./evals/regression/report.ts";
export { renderComparison, renderScores, type ReportFormat } from "./evals/report.ts";
export { type ReportTable, scoreTable, tableArrow, tableCsv } from "./evals/report_table.ts";
export { readScores, type ScoreRecord } from "./evals/score_record.ts";
export type { KeyedVectors, Score, ScoredItem, TextRole, Vectors } from "./evals/score.ts";
export type { TextKey, TextOrKey, Texts } from "./evals/texts.ts";
export { scoreSts, type StsPair } from "./evals/mteb/sts.ts";
export {
  type ClassificationData,
  type ClassificationOptions,
  scoreClassification,
} from "./evals/mteb/classification.ts";
export { Corpus, type IdentifiedText } from "./evals/mteb/corpus.ts";
export { type RetrievalData, scoreRetrieval } from "./evals/mteb/retrieval.ts";
export { type RerankingData, type RerankingQuery, scoreReranking } from "./evals/mteb/reranking.ts";
export {
  type ClusteringData,
  type ClusteringOptions,
  type ClusteringSet,
  scoreClustering,
} from "./evals/mteb/clustering.ts";
export { MTEB_TASKS, type MtebTask, mtebTask } from "./evals/mteb/tasks.ts";
export { DEFAULT_PROFILE, type ScoringProfile, scoringProfile } from "./evals/mteb/profile.ts";
export { type MtebResult, mtebResults } from "./evals/mteb/result_json.ts";
export { type ListedTask, listTasks } from "./evals/task_list.ts";
export { type LabelledPair, scorePairClassification } from "./evals/mteb/pair_classification.ts";
export { scoreSummarization, type SummarizedDocument } from "./evals/mteb/summarization.ts";
export { type LmEvalResults, lmEvalResults } from "./evals/general/lm_eval_json.ts";
export { gsm8kRequests, scoreGsm8k } from "./evals/general/gsm8k.ts";
export { mmluLikelihoodRequests, scoreMmluLikelihood } from "./evals/general/mmlu.ts";
export { gracePrinted65, meanOfTypes, weighted56 } from "./evals/paper/averages.ts";
export { audit, type AuditReport } from "./evals/paper/audit/audit.ts";
export type { AuditDocument, AuditTable, Claim } from "./evals/paper/audit/document.ts";
export type { Finding, Rule, Severity } from "./evals/paper/audit/finding.ts";
export { type Grim, grim } from "./evals/paper/audit/grim.ts";
export { loadTables, paperTables, parseTablesJson } from "./evals/paper/audit/load_tables.ts";
export { Printed, type Rounding } from "./evals/paper/audit/printed.ts";
export { renderAudit } from "./evals/paper/audit/report.ts";
export { parseTablesCsv } from "./evals/paper/audit/tables_csv.ts";
