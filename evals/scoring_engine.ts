/**
 * Whether this machine can score what it is about to compute. Some scorers multiply matrices on ONNX Runtime whatever engine the
 * model runs on; where its library is missing, that has to be said before hours of embedding, not after them.
 *
 * @module
 */
import { MissingError } from "#errors";
import { openOrt } from "../kernels/cpu/ort_api.ts";
import type { Category } from "./category.ts";
import type { ResolvedTask } from "./suite.ts";

/** Categories whose scorers call `kernels/cpu/products.ts`. */
const MULTIPLY: readonly Category[] = ["retrieval", "classification", "clustering"];

/**
 * Opens ONNX Runtime if a task's scorer needs it. To be asked before a model is read.
 *
 * @throws MissingError naming the tasks that could not be scored, and those that could
 */
export function requireScoringEngine(tasks: readonly Pick<ResolvedTask, "baseTask" | "category">[]): void {
  const [without, needing] = [false, true].map((needs) => [
    ...new Set(
      tasks.filter(({ category }) => MULTIPLY.includes(category) === needs).map(({ baseTask }) => baseTask),
    ),
  ]) as [string[], string[]];
  if (needing.length === 0) return;
  try {
    openOrt();
  } catch (cause) {
    if (!(cause instanceof MissingError)) throw cause;
    throw new MissingError(
      `${needing.join(", ")} cannot be scored here: ${cause.message}`,
      without.length === 0
        ? `${cause.cure}; other suites have tasks that need no ONNX Runtime`
        : `${cause.cure}; or choose only tasks that need no ONNX Runtime: ${without.join(", ")}`,
      { cause },
    );
  }
}
