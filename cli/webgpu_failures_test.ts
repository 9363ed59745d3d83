/** Whole runs on a GPU that fails in the middle of training. */
import { join } from "node:path";
import { assert } from "#test";
import { ExitCode } from "#errors";
import { openAdapter } from "../kernels/webgpu/adapter.ts";
import { createWebGpuDevice } from "../kernels/webgpu/mod.ts";
import { digestRun } from "../lib/journal/digest.ts";
import { journalPath } from "../lib/journal/layout.ts";
import { readJournal } from "../lib/journal/read.ts";
import { latestCheckpoint } from "../lib/journal/run_folder.ts";
import { gpuTest } from "./_gpu_test_helper.ts";
import { Lab, onlyFolder } from "./_lab.ts";
import { explainError } from "./exit.ts";
import { runExperiment } from "./experiment.ts";
import { Progress, type ProgressReport } from "./progress.ts";
import { settingsOf } from "./settings.ts";

/** Calls `onStep` with the number of steps that an arm has done. */
class Watch extends Progress {
  constructor(readonly onStep: (arm: string, done: number) => void) {
    super({ quiet: true } as ConstructorParameters<typeof Progress>[0]);
  }
  override update({ task, done }: ProgressReport): void {
    this.onStep(task, done);
  }
}

/** Breaks a device that is computing. */
type Fault = (device: GPUDevice) => void;

/** After which step of training it is broken. There is a checkpoint of the step before. */
const faultAfter = 3, checkpointEvery = 2, steps = 6;

/** A run of one trained arm into a folder of its own, with a fault or without. Returns the run's folder. */
async function attempt(lab: Lab, out: string, fault?: Fault): Promise<string> {
  const manifest = lab.manifest({ arms: ["grace"], train: { steps, checkpointEvery } });
  const { resolved, intent } = await settingsOf({ manifest });
  const opened = await openAdapter(), device = await createWebGpuDevice({ adapter: opened });
  const watch = new Watch((task, done) => {
    if (/grace/.test(task) && done === faultAfter) fault?.(opened.device);
  });
  try {
    const { folder } = await runExperiment({
      resolved,
      intent,
      lockFile: null,
      frozen: false,
      dataRoot: lab.path("data"),
      out: lab.path(out),
      device,
    }, {
      json: false,
      color: false,
      columns: undefined,
      signal: new AbortController().signal,
      progress: watch,
      print() {},
      write() {},
    });
    return folder;
  } finally {
    device.dispose();
  }
}

const faults: Readonly<Record<string, { fault: Fault; told: RegExp }>> = {
  "is lost": {
    fault: (device) => device.destroy(),
    told: /^error: The GPU was lost \(destroyed\): .+\n {2}see the driver's log, .+\n$/,
  },
  "runs out of memory": {
    // No adapter at hand does so on demand: its answer to the next question is replaced.
    fault: (device) => {
      const pop = device.popErrorScope.bind(device);
      device.popErrorScope = () => {
        device.popErrorScope = pop;
        return pop().then(() => new GPUOutOfMemoryError("no heap has room"));
      };
    },
    told:
      /^error: The GPU (has no memory for a tensor \[.+\] of \w+|is out of memory): no heap has room\n {2}use smaller batches .+\n$/,
  },
  "refuses a shader": {
    fault: (device) => {
      const module = device.createShaderModule({ label: "broken", code: "fn main() { nonsense }" });
      device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
    },
    told:
      /^error: The GPU refused a command: [^]*broken[^]*nonsense[^]*\n {2}update the graphics driver, .+\n$/,
  },
  "refuses a command": {
    fault: (device) => {
      const buffer = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST });
      const encoder = device.createCommandEncoder();
      encoder.clearBuffer(buffer, 0, 1 << 20);
      device.queue.submit([encoder.finish()]);
    },
    told: /^error: The GPU refused a command: .+\n {2}update the graphics driver, .+\n$/,
  },
};

/** The undisturbed run that all are compared with. */
let undisturbed: Promise<unknown> | undefined;

for (const [what, { fault, told }] of Object.entries(faults)) {
  gpuTest(
    `a GPU that ${what} ends a run with exit code 4, and the run goes on from its journal to the same bits`,
    async () => {
      using lab = await Lab.create();
      await assert.rejects(attempt(lab, "out", fault), (error) => {
        const { exitCode, text } = explainError(error, { color: false, debug: false });
        assert.equal(exitCode, ExitCode.numeric, text);
        assert.match(text, told);
        return true;
      });
      const broken = onlyFolder(lab.path("out"));
      const stepsOf = (run: string) =>
        readJournal(journalPath(run, "grace", "steps")).map(({ step }) => step);
      assert.deepEqual(stepsOf(broken), [1, 2, 3]);
      const written = Deno.readTextFileSync(journalPath(broken, "grace", "rationales"));
      assert.ok(written.endsWith("}\n"), "the journal ends with a whole record");
      assert.equal(latestCheckpoint(broken, "grace")?.step, 2);
      assert.throws(() => Deno.statSync(join(broken, "report.md")), Deno.errors.NotFound);

      assert.equal(await attempt(lab, "out"), broken);
      assert.deepEqual(stepsOf(broken), [1, 2, 3, 4, 5, 6]);
      undisturbed ??= attempt(lab, "whole").then(digestRun);
      assert.deepEqual(digestRun(broken), await undisturbed);
    },
  );
}
