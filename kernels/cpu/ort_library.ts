/**
 * Where the npm package onnxruntime-node keeps ONNX Runtime's shared library. All platforms come in the one package:
 *
 *     bin/napi-v6/darwin/arm64/libonnxruntime.<version>.dylib
 *     bin/napi-v6/linux/{arm64,x64}/libonnxruntime.so.1
 *     bin/napi-v6/win32/{arm64,x64}/onnxruntime.dll
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { MissingError } from "#errors";
// Without an import Deno would not download the package.
import onnxruntime from "onnxruntime-node/package.json" with { type: "json" };

/** Version of the ONNX Runtime package that the engine is pinned to (deno.json). */
export const ortVersion: string = onnxruntime.version;

/** What is packaged: names of the library, and the processors that there is one for. */
const packaged: Readonly<Record<string, { readonly name: string; readonly processors: readonly string[] }>> =
  {
    darwin: { name: `libonnxruntime.${ortVersion}.dylib`, processors: ["arm64"] },
    linux: { name: "libonnxruntime.so.1", processors: ["arm64", "x64"] },
    win32: { name: "onnxruntime.dll", processors: ["arm64", "x64"] },
  };

/** What a machine can do that has no library, such as a Mac with a processor of Intel. */
const withoutLibrary =
  "--device webgpu computes all but the scores of retrieval, classification and clustering";

/**
 * Path of the library for a machine.
 *
 * @param platform as in Node's `process.platform`
 * @param processor as in Node's `process.arch`
 * @throws MissingError if the package has none for it
 */
export function ortLibraryPath(platform: string, processor: string): string {
  const found = packaged[platform];
  if (!found?.processors.includes(processor)) {
    throw new MissingError(`ONNX Runtime is not packaged for ${platform} on ${processor}`, withoutLibrary);
  }
  const place = `./bin/napi-v6/${platform}/${processor}/${found.name}`;
  return fileURLToPath(new URL(place, import.meta.resolve("onnxruntime-node/package.json")));
}

/**
 * What to do about a library that the package has, and the system does not open.
 *
 * @param platform as in Node's `process.platform`
 */
export function ortLibraryCure(platform: string): string {
  const needed = platform === "win32"
    ? "install the Microsoft Visual C++ Redistributable, which it needs; or "
    : "";
  return `${needed}let the package onnxruntime-node ${ortVersion} be downloaded anew; without it, ${withoutLibrary}`;
}
