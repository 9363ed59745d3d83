/**
 * `grace-repro doctor`: what this machine offers, and what a backbone would need of it.
 *
 * @module
 */
import { ExitCode } from "#errors";
import type { MemoryEstimate } from "../lib/backbone/memory.ts";
import type { CommandIo } from "./io.ts";
import type { Adapter, Machine } from "./machine.ts";
import { backboneOption } from "./options.ts";
import { newCommand, type Syntax } from "./syntax.ts";
import { formatBytes, layOut } from "./table.ts";

/** What was asked for. */
export interface DoctorOptions {
  readonly backbone?: string | undefined;
}

/** Tokens of one training step that its memory is told for: 8 sequences of 128. */
const stepTokens = 1024;

/** What `--json` prints. */
export interface DoctorReport {
  /** Changes when a field changes its meaning. */
  readonly schema: "grace-repro/doctor/1";
  readonly machine: Machine;
  readonly engine: {
    readonly description: Readonly<Record<string, string | number>>;
    readonly gflops: number;
  };
  /** Null where the system offers none. */
  readonly webgpu: Adapter | null;
  /** What `--backbone` would take; null where none was named. */
  readonly backbone: BackboneNeeds | null;
}

/** See {@linkcode DoctorReport}. Sizes in bytes. */
export interface BackboneNeeds extends MemoryEstimate {
  readonly name: string;
  readonly architecture: string;
  /** Weights in memory, for computing without training. */
  readonly inference: number;
  /** Full fine-tuning with `stepTokens` tokens in flight. */
  readonly training: number;
  readonly stepTokens: number;
}

const examples = [
  "grace-repro doctor",
  "grace-repro doctor --backbone SmolLM2-135M-Instruct.Q4_1.gguf",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function doctorSyntax(onParsed: (options: DoctorOptions) => void): Syntax {
  return newCommand("doctor", "what this machine offers, and what a backbone would need of it", examples)
    .addOption(backboneOption())
    .action(onParsed);
}

/** Looks at the machine and, if one is named, at a backbone; prints what was found. */
export async function doctorCommand(options: DoctorOptions, io: CommandIo): Promise<ExitCode> {
  const { findAdapter, readMachine } = await import("./machine.ts");
  const backbone = options.backbone === undefined ? null : await readNeeds(options.backbone);
  const report: DoctorReport = {
    schema: "grace-repro/doctor/1",
    machine: readMachine(Deno.cwd()),
    engine: await measureEngine(),
    webgpu: await findAdapter(),
    backbone,
  };
  if (io.json) io.print(JSON.stringify(report));
  else for (const line of layOut(describe(report))) io.print(line);
  return ExitCode.success;
}

async function measureEngine(): Promise<DoctorReport["engine"]> {
  const { openDevice } = await import("./device.ts");
  const { measureLinear } = await import("../kernels/linear_speed.ts");
  const device = await openDevice("cpu");
  try {
    return { description: device.description, gflops: await measureLinear(device) };
  } finally {
    device.dispose();
  }
}

async function readNeeds(path: string): Promise<BackboneNeeds> {
  const { openBackbone } = await import("../lib/backbone/open.ts");
  const { estimateMemory } = await import("../lib/backbone/memory.ts");
  const { name, config, close } = await openBackbone(path);
  close();
  const estimate = estimateMemory(config);
  return {
    name,
    architecture: config.architecture,
    ...estimate,
    inference: estimate.weights,
    training: estimate.trainingState + stepTokens * estimate.activationsPerToken,
    stepTokens,
  };
}

/** The report as rows of two cells. */
function describe({ machine, engine, webgpu, backbone }: DoctorReport): [string, string][] {
  const { memory, disk } = machine;
  const rows: [string, string][] = [
    ["system", `${machine.os}, ${machine.architecture}`],
    ["deno", machine.deno],
    ["cpu", `${machine.cpu}, ${machine.cores} cores`],
    ["memory", `${formatBytes(memory.available)} available of ${formatBytes(memory.total)}`],
    ["disk", `${formatBytes(disk.free)} free at ${disk.path}`],
    [
      "engine",
      `cpu (ONNX Runtime ${engine.description["onnxruntime"]}), ${
        engine.gflops.toFixed(0)
      } GFLOP/s in float32`,
    ],
    [
      "webgpu",
      webgpu ? `${webgpu.description}${webgpu.software ? ", in software" : ""}` : "no adapter",
    ],
  ];
  if (backbone === null) return rows;
  const fits = (bytes: number) => bytes <= memory.available ? "fits" : "DOES NOT FIT";
  const { name, architecture, parameters, inference, training, kvCachePerToken } = backbone;
  rows.push(
    ["backbone", `${name}: ${architecture}, ${(parameters / 1e6).toFixed(1)} M parameters`],
    [
      "  inference",
      `${formatBytes(inference)} and ${formatBytes(kvCachePerToken)} a token: ${fits(inference)}`,
    ],
    ["  training", `${formatBytes(training)} at ${stepTokens} tokens a step: ${fits(training)}`],
  );
  return rows;
}
