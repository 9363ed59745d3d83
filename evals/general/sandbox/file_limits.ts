/**
 * Limits on the files that a program makes: they are in memory, but not in the WebAssembly memory that the engine limits.
 *
 * @module
 */

/** What is used here of Emscripten's file system; its own declarations leave these parts out. */
export interface EmscriptenFiles {
  readonly ErrnoError: new (errno: number) => Error;
  isFile(mode: number): boolean;
  createNode(...args: unknown[]): unknown;
  write(
    stream: { readonly node: FileNode },
    buffer: unknown,
    offset: number,
    length: number,
    ...rest: unknown[]
  ): number;
  readonly filesystems: {
    readonly MEMFS: {
      expandFileStorage(node: FileNode, capacity: number): void;
      resizeFileStorage(node: FileNode, size: number): void;
    };
  };
}

interface FileNode {
  readonly mode: number;
  readonly contents?: { readonly length: number } | null;
}

/** "No space left on device", as Emscripten counts (WASI). */
const ENOSPC = 51;

/** How much a program may write. What it deletes is not given back. */
export interface FileLimits {
  /** Bytes of all files together. */
  readonly bytes: number;
  /** Files and folders. */
  readonly nodes: number;
}

/** From now on, files take no more than this. The program sees an OSError, as of a full disk. */
export function limitFiles(files: EmscriptenFiles, limits: FileLimits): void {
  const { MEMFS } = files.filesystems;
  const { expandFileStorage, resizeFileStorage } = MEMFS;
  const { createNode, write } = files;
  let bytes = 0, nodes = 0;
  const take = (more: number) => {
    bytes += Math.max(0, more);
    if (bytes > limits.bytes) throw new files.ErrnoError(ENOSPC);
  };
  // The first write into an empty file does not pass through the two functions below, and later ones do not count twice much.
  files.write = (stream, buffer, offset, length, ...rest) => {
    if (files.isFile(stream.node.mode)) take(length);
    return write.call(files, stream, buffer, offset, length, ...rest);
  };
  MEMFS.expandFileStorage = (node, capacity) => {
    take(capacity - (node.contents?.length ?? 0));
    expandFileStorage.call(MEMFS, node, capacity);
  };
  MEMFS.resizeFileStorage = (node, size) => {
    take(size);
    resizeFileStorage.call(MEMFS, node, size);
  };
  files.createNode = (...args) => {
    if (++nodes > limits.nodes) throw new files.ErrnoError(ENOSPC);
    return createNode.apply(files, args);
  };
}
