/**
 * How fast an engine is at the two things that bound all others: multiplying matrices and moving memory.
 *
 * @module
 */
import type { Device } from "./device.ts";
import type { Tensor } from "./tensor_types.ts";

/** Speeds of an engine. */
export interface EngineSpeed {
  /** Billions of multiplications and additions a second of {@linkcode Device.linear} in float32. */
  readonly gflops: number;
  /** Billions of bytes a second that {@linkcode Device.copy} reads and writes. */
  readonly gigabytesPerSecond: number;
}

/** Shape of the measured product: the SwiGLU projection of a 135 M decoder at 512 tokens. */
const rows = 512, inputs = 576, outputs = 1536;

/** Bytes of the measured copy: more than the caches of a CPU or a GPU hold. */
const copiedBytes = 64 * 2 ** 20;

/** Most calls that are issued together, so that a queue is never seconds long. */
const mostCalls = 4096;

/**
 * Measures an engine.
 *
 * @param seconds how long to measure each of the two, after a warm-up
 */
export async function measureSpeed(device: Device, seconds = 0.3): Promise<EngineSpeed> {
  return {
    gflops: await measureLinear(device, seconds),
    gigabytesPerSecond: await measureCopy(device, seconds),
  };
}

async function measureLinear(device: Device, seconds: number): Promise<number> {
  const x = device.alloc([rows, inputs]),
    w = device.alloc([outputs, inputs]),
    y = device.alloc([rows, outputs]);
  device.fill(x, 0.5);
  device.fill(w, 0.25);
  try {
    return 2 * rows * inputs * outputs / await secondsPerCall(device, y, seconds, () =>
      device.linear(x, w, y)) /
      1e9;
  } finally {
    device.free(x, w, y);
  }
}

async function measureCopy(device: Device, seconds: number): Promise<number> {
  const from = device.alloc([copiedBytes / 4]), to = device.alloc([copiedBytes / 4]);
  device.fill(from, 0.5);
  try {
    return 2 * copiedBytes / await secondsPerCall(device, to, seconds, () => device.copy(from, to)) / 1e9;
  } finally {
    device.free(from, to);
  }
}

/**
 * Median seconds that a call takes. Calls are issued together in numbers that double until they take a tenth of the time
 * there is: an engine that works behind a queue is waited for once a group, and the waiting must not count.
 *
 * @param result f32 or i32 tensor of at least one element, of which a row is read to wait for the calls
 * @param seconds how long to measure, after a warm-up
 * @param call issues an op; one that gives a promise is waited for before the next
 */
export async function secondsPerCall(
  device: Device,
  result: Tensor,
  seconds: number,
  call: () => void | Promise<unknown>,
): Promise<number> {
  const probe = device.reshape(device.rows(result, 0, 1), [result.shape[1] ?? 1]);
  const group = async (calls: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) {
      const pending = call();
      if (pending) await pending;
    }
    await device.read(probe);
    return (performance.now() - start) / 1000;
  };
  await group(1);
  let calls = 1;
  for (let time = await group(1); time < seconds / 10 && calls < mostCalls; time = await group(calls)) {
    calls *= 2;
  }
  const times: number[] = [];
  for (const end = performance.now() + seconds * 1000; times.length < 3 || performance.now() < end;) {
    times.push(await group(calls) / calls);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}
