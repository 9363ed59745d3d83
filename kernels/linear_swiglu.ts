/**
 * The gated half of a feed-forward block out of three other ops, where an engine has nothing faster.
 *
 * @module
 */
import type { Device, Tensor } from "./device.ts";

/** See {@linkcode Device.linearSwiglu}; both products are in memory for as long as it takes. */
export function linearSwiglu(device: Device, x: Tensor, wGate: Tensor, wUp: Tensor, y: Tensor): void {
  const gate = device.alloc(y.shape), up = device.alloc(y.shape);
  try {
    device.linear(x, wGate, gate);
    device.linear(x, wUp, up);
    device.swiglu(gate, up, y);
  } finally {
    device.free(gate, up);
  }
}
