/**
 * How much memory may be spent on speed alone: on packed copies of weights, and on activations that are kept.
 *
 * @module
 */
import process from "node:process";
import { readMemory } from "../free_memory.ts";

/** ONNX Runtime multiplies packed weights on these processors; whether with the bits of a Gemm, the engine finds out. */
export const canPack = process.arch === "x64";

/** Of free memory, the part that may be spent so. */
export const mostOfFree = 0.5;

/** Bytes that may be spent so now; no bound where the system may not be asked. */
export function spareMemory(): number {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? mostOfFree * readMemory().available : Infinity;
}
