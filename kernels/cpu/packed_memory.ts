/**
 * How much memory packed copies of weights may take.
 *
 * @module
 */

/** Of free memory, the part that packed copies may take. */
export const mostOfFree = 0.5;

/** Bytes that packed copies may take now; no bound where the system may not be asked. */
export function roomForPacked(): number {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? mostOfFree * Deno.systemMemoryInfo().available : Infinity;
}
