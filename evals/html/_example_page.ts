/**
 * A run for tests of its page, whose model, data and texts are as hostile as they can be.
 *
 * @module
 */
import { planArms } from "../../lib/manifest/arms.ts";
import { exampleLock } from "../../lib/manifest/_example_lock.ts";
import { resolveManifest } from "../../lib/manifest/resolve.ts";
import type { Arm } from "../compare.ts";
import { compareScores } from "../compare.ts";
import { findSuite } from "../find_suite.ts";
import { scoreRecord } from "../score_record.ts";
import type { RunPage } from "./run_page.ts";

/** Ends elements, attributes and comments, and holds what HTML does not allow. */
export const HOSTILE =
  `</script><script>alert("1")</script><!-- '"><img src=x onerror=alert(1)> \0\x1b[31m\u202e\ud800`;

/** A new one each time, to be changed. */
export function examplePage(): RunPage {
  const resolved = resolveManifest(
    { reward: { lambda1: 0.5 }, arms: ["base", "grace"] },
    [],
    "/home/me/grace.json",
  );
  const arms = ["base", "grace"].map((name, i) => ({ name, scores: [exampleScore(i)] }));
  return {
    folder: "model-0123456789ab",
    backbone: HOSTILE,
    settings: { ...resolved, identity: "0".repeat(64) },
    lock: exampleLock(),
    plans: planArms(resolved.manifest),
    suite: findSuite("tiny"),
    examples: 10,
    exposure: "grace is trained on 10 examples.",
    comparison: compareScores(arms, { resamples: 20 }),
    arms: arms.map(({ name, scores }) => ({
      name,
      scores: scores.map(({ record }) => record),
      failures: [{ task: "T", item: HOSTILE, wrote: HOSTILE, read: HOSTILE, right: null }],
    })),
    paper: {
      table: { title: "Paper", head: ["a", "b"], rows: [["c", "1"]], textColumns: 1 },
      notes: ["a note"],
    },
    noPaper: "none",
    tradeoff: null,
    trainings: [{
      name: "grace",
      steps: [{ step: 1, truncatedPrompts: 2, entropy: 1.5 }, { step: 2, truncatedPrompts: 3, entropy: 0.5 }],
      chart: null,
      samples: { first: [exampleRationale(0)], last: [] },
    }],
    overlaps: [{ source: HOSTILE, rows: 3, task: "T" }],
  };
}

function exampleScore(i: number): Arm["scores"][number] {
  const items = [0, 1, 0, 1].map((value, id) => ({ id: String(id), value: id === i ? 1 : value }));
  const record = scoreRecord({
    suite: "tiny",
    task: "T",
    baseTask: "T",
    category: "sts",
    main: "acc",
    value: 0.5,
    stderr: 0.25,
    aggregate: "mean",
    metrics: { acc: 0.5, other: 0.25 },
    counts: { items: 4, truncated_rationales: 2 * i, empty_rationales: 0 },
    warnings: i === 0 ? [] : [HOSTILE],
    scorer: "t/1",
    content: "c",
    options: { text: HOSTILE },
    files: [{ path: HOSTILE, bytes: 1, sha256: "s", rows: 4 }],
    model: "m",
  }, items);
  return { record, items };
}

/** A rationale of the journal. */
export function exampleRationale(rollout: number, step = 1) {
  return {
    ...{ step, example: 7, rollout, text: HOSTILE, rationale: HOSTILE, stopped: "length" as const },
    ...{ positive: 0.5, negative: -0.25, consistency: 0.75, crossGroup: -0.125, total: 2, advantage: -0.5 },
  };
}
