/**
 * Paths and helpers of the tests in this folder.
 *
 * @module
 */
import { golden as read } from "../../fixtures/golden_data.ts";
import { sha256Hex } from "../manifest/hash.ts";

/** Folder of the goldens (see `make_golden.py` in it). */
export const GOLDEN: string = new URL("../../fixtures/golden/backbone", import.meta.url).pathname;

/** SmolLM2-135M-Instruct, if it was downloaded. */
export const SMOLLM2: string = Deno.env.get("GRACE_SMOLLM2") ??
  `${Deno.env.get("HOME")}/.cache/grace-repro-models/SmolLM2-135M-Instruct.Q4_1.gguf`;

/** A parsed golden file of this folder's tests. */
export function golden<T>(name: string): T {
  return read<T>(`backbone/${name}`);
}

/** SHA-256 of f32 values, little-endian. */
export function hashOf(values: Float32Array): string {
  return sha256Hex(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** Runs `use` with the path of a temporary file of these bytes. */
export async function withFile<T>(bytes: Uint8Array, use: (path: string) => T | Promise<T>): Promise<T> {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, bytes);
    return await use(path);
  } finally {
    Deno.removeSync(path);
  }
}

/** Runs `use` with the path of a temporary copy of a golden folder. */
export async function withCopy(name: string, use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    for (const entry of Deno.readDirSync(`${GOLDEN}/${name}`)) {
      Deno.copyFileSync(`${GOLDEN}/${name}/${entry.name}`, `${folder}/${entry.name}`);
    }
    await use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Changes one JSON file of a folder. */
export function editJson(path: string, changes: Record<string, unknown>): void {
  Deno.writeTextFileSync(path, JSON.stringify({ ...JSON.parse(Deno.readTextFileSync(path)), ...changes }));
}

/**
 * Largest number of bytes that any one array or buffer took while `run` ran.
 * The constructors are replaced for that time; views onto existing buffers do not count.
 */
export function largestAllocation(run: () => void): number {
  let largest = 0;
  const names = ["ArrayBuffer", "Uint8Array", "Uint16Array", "Float32Array"] as const;
  const originals = names.map((name) => globalThis[name]);
  names.forEach((name, i) => {
    const unit = name === "ArrayBuffer" ? 1 : (originals[i] as typeof Uint8Array).BYTES_PER_ELEMENT;
    const watched = new Proxy(originals[i]!, {
      construct(target, args) {
        if (typeof args[0] === "number") largest = Math.max(largest, args[0] * unit);
        return Reflect.construct(target, args);
      },
    });
    Object.assign(globalThis, { [name]: watched });
  });
  try {
    run();
  } finally {
    names.forEach((name, i) => Object.assign(globalThis, { [name]: originals[i] }));
  }
  return largest;
}
