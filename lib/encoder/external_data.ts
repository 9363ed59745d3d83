/**
 * The files beside an ONNX graph that hold its weights.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { UsageError } from "#errors";

/** How protobuf writes the entry {key: "location", value} of a tensor's `external_data`, up to the length of the value. */
const ENTRY = Buffer.from("\x0a\x08location\x12", "latin1");

/**
 * Names of the files that a graph takes tensors from, relative to its own folder, each once.
 *
 * @throws UsageError if one is not in that folder: an export from a stranger must not read other files
 */
export function externalData(graph: string): string[] {
  return externalDataOf(Deno.readFileSync(graph), graph);
}

/** As {@linkcode externalData}, of a graph in memory. */
export function externalDataOf(content: Uint8Array, graph: string): string[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const names = new Set<string>();
  for (let at = bytes.indexOf(ENTRY); at >= 0; at = bytes.indexOf(ENTRY, at + 1)) {
    const length = at + ENTRY.length;
    // A length of 128 or more takes two bytes; no file of an export has such a name.
    const name = bytes.subarray(length + 1, length + 1 + bytes[length]!).toString();
    if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name)) {
      throw new UsageError(
        `"${graph}" takes weights from ${JSON.stringify(name)}`,
        "export the model again, with its weights in the folder of the graph",
      );
    }
    names.add(name);
  }
  return [...names].sort();
}
