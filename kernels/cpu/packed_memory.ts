/**
 * Where packed copies of weights are made, and how much memory they may take.
 *
 * @module
 */
import process from "node:process";
import { readMemory } from "../free_memory.ts";

/** ONNX Runtime multiplies packed weights on these processors; whether with the bits of a Gemm, the engine finds out. */
export const canPack = process.arch === "x64";

/** Of free memory, the part that packed copies may take. */
export const mostOfFree = 0.5;

/** Bytes that packed copies may take now; no bound where the system may not be asked. */
export function roomForPacked(): number {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? mostOfFree * readMemory().available : Infinity;
}
