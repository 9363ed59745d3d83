/**
 * Settings that the manifest knows and this version cannot honour: better refused than ignored.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Manifest } from "../manifest/schema.ts";

/**
 * Fails if training would ignore a setting.
 *
 * @throws {UsageError} naming the setting
 */
export function requireImplemented(manifest: Manifest): void {
  if (manifest.loss.klCoef !== 0) {
    throw new UsageError(
      `loss.klCoef is ${manifest.loss.klCoef}: the KL term is not implemented in this version`,
      "set it to 0, as the paper and all presets do",
    );
  }
}
