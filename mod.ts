/**
 * grace-repro as a library: what `grace-repro` on the command line is made of.
 *
 * @module
 */
export * from "./kernels/device.ts";
export * from "./kernels/errors.ts";
