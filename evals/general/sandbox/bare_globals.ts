/**
 * Takes from the worker what Pyodide would take for Node or Deno, so that it loads as in a browser and asks only for what
 * it is handed. To be imported before Pyodide, which looks once, when it is imported.
 *
 * This is not what confines a program: the worker has no permissions, and a sealed interpreter reaches no JavaScript.
 *
 * @module
 */
for (const name of ["process", "Buffer", "Deno"]) {
  if (!Reflect.deleteProperty(globalThis, name)) throw new Error(`cannot remove globalThis.${name}`);
}
