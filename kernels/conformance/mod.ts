/**
 * What an engine must do to be one: every op against the float64 reference, forward and backward, and the promises of
 * the op vocabulary (determinism, batch invariance by bits, errors for misfits, memory that is given back).
 *
 * @module
 */
import type { Device } from "../device.ts";
import { attentionSuite } from "./attention.ts";
import { attentionPathsSuite } from "./attention_paths.ts";
import { decodeSuite } from "./decode.ts";
import { determinismSuite } from "./determinism.ts";
import { type Subject, subjectOf } from "./harness.ts";
import { layerTailSuite } from "./layer_tail.ts";
import { linearSuite } from "./linear.ts";
import { lmHeadSuite } from "./lm_head.ts";
import { memorySuite } from "./memory.ts";
import { misfitSuite } from "./misfit.ts";
import { normSuite } from "./norm.ts";
import { optimizerSuite } from "./optimizer.ts";
import { packedWeightsSuite } from "./packed_weights.ts";
import { policyLossSuite } from "./policy_loss.ts";
import { poolingSuite } from "./pooling.ts";
import { ropeSuite } from "./rope.ts";
import { rowsSuite } from "./rows.ts";
import { samplingSuite } from "./sampling.ts";
import { storedWeightsSuite } from "./stored_weights.ts";
import { swigluSuite } from "./swiglu.ts";

/** Registers the tests of some ops. */
type Suite = (subject: Subject) => void;

/** Suites of ops that have products of matrices in them. */
export const productSuites: readonly Suite[] = [
  linearSuite,
  layerTailSuite,
  lmHeadSuite,
  samplingSuite,
  storedWeightsSuite,
  packedWeightsSuite,
  poolingSuite,
  determinismSuite,
];

const allSuites: readonly Suite[] = [
  memorySuite,
  linearSuite,
  rowsSuite,
  normSuite,
  swigluSuite,
  layerTailSuite,
  ropeSuite,
  attentionSuite,
  attentionPathsSuite,
  decodeSuite,
  lmHeadSuite,
  samplingSuite,
  policyLossSuite,
  storedWeightsSuite,
  packedWeightsSuite,
  poolingSuite,
  optimizerSuite,
  determinismSuite,
  misfitSuite,
];

/**
 * Registers all conformance tests for an engine.
 *
 * @param name stands before the name of every test
 * @param factory makes the device; called once, when the first test runs
 * @param suites all by default
 */
export function testConformance(
  name: string,
  factory: () => Device | Promise<Device>,
  suites: readonly Suite[] = allSuites,
): void {
  const subject = subjectOf(name, factory);
  for (const suite of suites) suite(subject);
}
