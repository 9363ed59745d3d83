/**
 * Errors that a user can act on. Each names what went wrong and what to do about it, and carries the exit
 * code of the process. Everything else that is thrown is a defect of this program (exit code 70).
 *
 * @module
 */

/** Process exit codes of every command. */
export const ExitCode = {
  success: 0,
  checkFailed: 1,
  usage: 2,
  missing: 3,
  numeric: 4,
  internal: 70,
  interrupted: 130,
} as const;

/** One of the values of {@linkcode ExitCode}. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** Base of all errors that are explained to the user: a cause in the message, a cure beside it. */
export class GraceError extends Error {
  override name = "GraceError";

  /**
   * @param message what went wrong, with the offending value quoted
   * @param cure what the user can do about it
   * @param exitCode exit code of the process if nothing catches the error
   */
  constructor(message: string, readonly cure: string, readonly exitCode: ExitCode, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Wrong usage: flags, manifests, and input files whose content is not what it should be (exit code 2). */
export class UsageError extends GraceError {
  override name = "UsageError";
  /** See {@linkcode GraceError}. */
  constructor(message: string, cure: string, options?: ErrorOptions) {
    super(message, cure, ExitCode.usage, options);
  }
}

/** Something that the run needs is not there or not usable: a file, a model, a data set, a device (exit code 3). */
export class MissingError extends GraceError {
  override name = "MissingError";
  /** See {@linkcode GraceError}. */
  constructor(message: string, cure: string, options?: ErrorOptions) {
    super(message, cure, ExitCode.missing, options);
  }
}

/** The GPU failed while it was computing: lost, out of memory, a command refused (exit code 4). */
export class DeviceError extends GraceError {
  override name = "DeviceError";
  /** See {@linkcode GraceError}. */
  constructor(message: string, cure: string, options?: ErrorOptions) {
    super(message, cure, ExitCode.numeric, options);
  }
}

/** A number went wrong: NaN, infinity, a reward without variance (exit code 4). */
export class NumericError extends GraceError {
  override name = "NumericError";
  /** See {@linkcode GraceError}. */
  constructor(message: string, cure: string, options?: ErrorOptions) {
    super(message, cure, ExitCode.numeric, options);
  }
}

/** A comparison that was asked for does not hold: regression, digest mismatch (exit code 1). */
export class CheckFailedError extends GraceError {
  override name = "CheckFailedError";
  /** See {@linkcode GraceError}. */
  constructor(message: string, cure: string, options?: ErrorOptions) {
    super(message, cure, ExitCode.checkFailed, options);
  }
}
