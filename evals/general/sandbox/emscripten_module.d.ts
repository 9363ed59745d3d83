/**
 * Emscripten's half of Pyodide, which has no declarations of its own.
 *
 * @module
 */
import type { PyodideConfig } from "pyodide";

/** Makes an instance of the interpreter. */
declare const createPyodideModule: NonNullable<PyodideConfig["createPyodideModule"]>;
export default createPyodideModule;
