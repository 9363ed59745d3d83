/**
 * A workaround: V8 frees the memory of dropped arrays late. It knows their sizes, but a model that is loaded, trained
 * and written leaves several copies of its weights behind before a collection comes (a run of SmolLM2 peaked at 5.5 GB
 * for 3.4 GB in use). Can go when V8 collects by the size of array buffers.
 *
 * @module
 */

/** Collects now, where the process was started with `--v8-flags=--expose-gc`, as the launcher does; else does nothing. */
export function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}
