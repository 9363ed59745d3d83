/**
 * `grace-repro doctor`: what this machine offers, and what a backbone would need of it.
 *
 * @module
 */
import { ExitCode, GraceError } from "#errors";
import { LORA_TARGETS, type LoraOptions } from "../lib/backbone/lora_options.ts";
import type { AdapterEstimate, MemoryEstimate } from "../lib/backbone/memory.ts";
import type { CommandIo } from "./io.ts";
import { canPack, mostOfFree } from "../kernels/cpu/spare_memory.ts";
import type { EngineSpeed } from "../kernels/speed.ts";
import type { AdapterFacts } from "../kernels/webgpu/adapter_facts.ts";
import type { Machine } from "./machine.ts";
import { backboneOption } from "./options.ts";
import { newCommand, type Syntax } from "./syntax.ts";
import { formatBytes, layOut } from "./table.ts";

/** What was asked for. */
export interface DoctorOptions {
  readonly backbone?: string | undefined;
}

/** Tokens of one training step that its memory is told for: 8 sequences of 128. */
const stepTokens = 1024;

/** Adapter that its memory is told for: all matrices, at a rank in common use. */
const adapterOptions: LoraOptions = { rank: 16, alpha: 32, targets: LORA_TARGETS };

/** What `--json` prints. */
export interface DoctorReport {
  /** Changes when a field changes its meaning. */
  readonly schema: "grace-repro/doctor/3";
  readonly machine: Machine;
  /** Engine that `--device auto` takes on this machine. */
  readonly auto: string;
  /** The engines that work here. */
  readonly engines: readonly EngineReport[];
  /** The WebGPU adapter that the system offers first; null where it offers none. */
  readonly webgpu: AdapterFacts | null;
  /** Why there is no WebGPU engine, and what to do about it; null where there is one. */
  readonly webgpuProblem: string | null;
  /** What `--backbone` would take; null where none was named. */
  readonly backbone: BackboneNeeds | null;
}

/** An engine, and how fast it is. */
export interface EngineReport extends EngineSpeed {
  readonly kind: string;
  readonly description: Readonly<Record<string, string | number>>;
}

/** See {@linkcode DoctorReport}. Sizes in bytes. */
export interface BackboneNeeds extends MemoryEstimate {
  readonly name: string;
  readonly architecture: string;
  /** Weights in memory, for computing without training, on the CPU; on WebGPU `storedWeights`. */
  readonly inference: number;
  /** What a KL term adds to full fine-tuning on the CPU: the untrained weights; on WebGPU `storedWeights`. With adapters nothing. */
  readonly reference: number;
  /** Full fine-tuning with `stepTokens` tokens in flight. */
  readonly training: number;
  /** Training of an adapter of all matrices (LoRA, setting `lora.rank`), without the activations, which are those of full fine-tuning. */
  readonly adapter: AdapterEstimate & { readonly rank: number };
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
  const { readMachine } = await import("./machine.ts");
  const backbone = options.backbone === undefined ? null : await readNeeds(options.backbone);
  const engines = [await measureEngine("cpu")];
  let webgpu: AdapterFacts | null = null, webgpuProblem: string | null = null;
  try {
    const { readAdapter } = await import("../kernels/webgpu/adapter_facts.ts");
    webgpu = await readAdapter();
    engines.push(await measureEngine("webgpu"));
  } catch (error) {
    if (!(error instanceof GraceError)) throw error;
    webgpuProblem = `${error.message}: ${error.cure}`;
  }
  const report: DoctorReport = {
    schema: "grace-repro/doctor/3",
    machine: readMachine(Deno.cwd()),
    auto: webgpu && !webgpu.software && webgpuProblem === null ? "webgpu" : "cpu",
    engines,
    webgpu,
    webgpuProblem,
    backbone,
  };
  if (io.json) io.print(JSON.stringify(report));
  else for (const line of layOut(describe(report))) io.print(line);
  return ExitCode.success;
}

async function measureEngine(kind: "cpu" | "webgpu"): Promise<EngineReport> {
  const { openDevice } = await import("./device.ts");
  const { measureSpeed } = await import("../kernels/speed.ts");
  const device = await openDevice(kind);
  try {
    return { kind, description: device.description, ...await measureSpeed(device) };
  } finally {
    device.dispose();
  }
}

async function readNeeds(path: string): Promise<BackboneNeeds> {
  const { openBackbone } = await import("../lib/backbone/open.ts");
  const { estimateAdapterMemory, estimateMemory } = await import("../lib/backbone/memory.ts");
  const { name, config, tensors, close } = await openBackbone(path);
  const estimate = estimateMemory(config, tensors);
  const adapter = { rank: adapterOptions.rank, ...estimateAdapterMemory(config, tensors, adapterOptions) };
  close();
  return {
    name,
    architecture: config.architecture,
    ...estimate,
    inference: estimate.weights,
    reference: estimate.weights,
    training: estimate.trainingState + stepTokens * estimate.activationsPerToken,
    adapter,
    stepTokens,
  };
}

/** The report as rows of two cells. */
function describe(report: DoctorReport): [string, string][] {
  const { machine: { memory, disk, ...machine }, backbone, webgpu } = report;
  return [
    ["system", `${machine.os}, ${machine.architecture}`],
    ["deno", machine.deno],
    ["cpu", `${machine.cpu}, ${machine.cores} cores`],
    ["memory", `${formatBytes(memory.available)} available of ${formatBytes(memory.total)}`],
    ["disk", `${formatBytes(disk.free)} free at ${disk.path}`],
    ...report.engines.map(describeEngine),
    ...(report.webgpuProblem === null ? [] : [["webgpu", report.webgpuProblem] satisfies [string, string]]),
    ...(webgpu === null ? [] : describeAdapter(webgpu)),
    ["--device auto", report.auto],
    ...(backbone === null ? [] : describeBackbone(backbone, memory.available, webgpu)),
  ];
}

function describeEngine({ kind, description, gflops, gigabytesPerSecond }: EngineReport): [string, string] {
  const what = kind === "cpu" ? `ONNX Runtime ${description["onnxruntime"]}` : description["adapter"];
  return [
    kind,
    `${what}: ${gflops.toFixed(0)} GFLOP/s in float32, copies ${gigabytesPerSecond.toFixed(0)} GB/s`,
  ];
}

function describeAdapter(
  { name, vendor, driver, software, features, limits, readBack, room }: AdapterFacts,
) {
  const named = `${name}, by ${vendor}`;
  return [
    ["  adapter", software ? `${named}; computes on the CPU, so only --device webgpu takes it` : named],
    ["  driver", driver ?? "Deno does not tell its version"],
    [
      "  features",
      Object.entries(features).filter(([, there]) => there).map(([name]) => name).join(", ") || "none",
    ],
    [
      "  limits",
      `buffers of ${formatBytes(limits.maxBufferSize)}, bindings of ${
        formatBytes(limits.maxStorageBufferBindingSize)
      }, ${
        limits.maxComputeWorkgroupStorageSize / 1024
      } KiB of workgroup memory, ${limits.maxComputeInvocationsPerWorkgroup} invocations a workgroup`,
    ],
    ...(room === null ? [] : [
      ["  memory", `${formatBytes(room)} to be had, as its driver has it now`] satisfies [string, string],
    ]),
    [
      "  read-back",
      readBack === "immediate" ? "immediate" : "awaited: at least 10 ms each, so decoding looks rarely",
    ],
  ] satisfies [string, string][];
}

/** What packed weights take of the memory that is left once the weights are there. */
function decodingNeeds(packed: number, left: number): [string, string] {
  const faster = `${
    formatBytes(packed)
  } more on the CPU, for weights in the order in which they are read fastest`;
  return ["  decoding", packed <= mostOfFree * left ? faster : `no more: ${faster}, are too much`];
}

function describeBackbone(
  { name, architecture, parameters, inference, training, reference, kvCachePerToken, ...needs }:
    BackboneNeeds,
  available: number,
  webgpu: AdapterFacts | null,
): [string, string][] {
  const fits = (bytes: number, room: number) => bytes <= room ? "fits" : "DOES NOT FIT";
  const cache = `${formatBytes(kvCachePerToken)} a token`, steps = `at ${stepTokens} tokens a step`;
  const activations = training - needs.trainingState;
  const adapted = needs.adapter.trainingState + activations, lora = `with lora.rank ${needs.adapter.rank}`;
  const rows: [string, string][] = [
    ["backbone", `${name}: ${architecture}, ${(parameters / 1e6).toFixed(1)} M parameters`],
    ["  inference", `${formatBytes(inference)} and ${cache}: ${fits(inference, available)} the memory`],
    ...(canPack ? [decodingNeeds(needs.packedWeights, available - inference)] : []),
    ["  training", `${formatBytes(training)} ${steps}: ${fits(training, available)} the memory`],
    [
      "",
      `${formatBytes(training + reference)} with loss.klCoef above 0: ${
        fits(training + reference, available)
      } the memory`,
    ],
    ["", `${formatBytes(adapted)} ${lora}: ${fits(adapted, available)} the memory`],
  ];
  if (webgpu) {
    const { storedWeights, largestTensor } = needs;
    const storedAdapted = needs.adapter.storedTrainingState + activations;
    // A software adapter has the memory of the machine.
    const room = webgpu.software ? available : webgpu.room;
    const fitting = (bytes: number) =>
      room === null ? "WebGPU does not tell whether it fits" : `${fits(bytes, room)} the memory`;
    const less = storedWeights < inference ? ", as matrices stay in 16 bits" : "";
    rows.push(
      [
        "  on webgpu",
        `inference ${formatBytes(storedWeights)}${less}, and ${cache}: ${fitting(storedWeights)}`,
      ],
      ["", `training ${formatBytes(training)} ${steps}: ${fitting(training)}`],
      ["", `training ${formatBytes(storedAdapted)} ${lora}: ${fitting(storedAdapted)}`],
      [
        "",
        `largest tensor ${formatBytes(largestTensor)}: ${
          fits(largestTensor, webgpu.limits.maxBufferSize)
        } a buffer`,
      ],
    );
  }
  return rows;
}
