/**
 * How fast an engine multiplies matrices: most of the time of training and generation is spent there.
 *
 * @module
 */
import type { Device } from "./device.ts";

/** Shape of the measured product: the SwiGLU projection of a 135 M decoder at 512 tokens. */
const rows = 512, inputs = 576, outputs = 1536;

/**
 * Billions of multiplications and additions a second of {@linkcode Device.linear}, [512, 576] x [576, 1536] in float32.
 *
 * @param seconds how long to measure, after one warm-up call
 * @returns the median over the calls
 */
export async function measureLinear(device: Device, seconds = 0.3): Promise<number> {
  const x = device.alloc([rows, inputs]),
    w = device.alloc([outputs, inputs]),
    y = device.alloc([rows, outputs]);
  const probe = device.rows(y, 0, 1);
  device.fill(x, 0.5);
  device.fill(w, 0.25);
  const times: number[] = [];
  try {
    const end = performance.now() + seconds * 1000;
    while (times.length < 4 || performance.now() < end) {
      const start = performance.now();
      device.linear(x, w, y);
      await device.read(probe);
      times.push(performance.now() - start);
    }
  } finally {
    device.free(x, w, y);
  }
  const sorted = times.slice(1).sort((a, b) => a - b);
  return 2 * rows * inputs * outputs / (sorted[sorted.length >> 1]! / 1000) / 1e9;
}
