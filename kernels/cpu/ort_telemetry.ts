/**
 * ONNX Runtime's packages report what they are used for to Microsoft: on Linux and macOS since 1.29 a thread of the library
 * sends the machine's hardware and system, an id that it keeps for the machine below the user's cache, and what sessions are
 * made and run (microsoft/onnxruntime#27379); on Windows the system collects it. Deno's permissions do not hold for native
 * code, so a program that may not use the network would.
 *
 * @module
 */
import { MissingError } from "#errors";

/** What the library asks for, once, when it is initialised. */
const variable = "ORT_DISABLE_TELEMETRY";

/**
 * Forbids the library to report or keep anything, whatever the user's environment says. To be called before it is opened.
 *
 * @throws {MissingError} if this process may not set the variable
 */
export function forbidTelemetry(): void {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state !== "granted") {
    throw new MissingError(
      `ONNX Runtime reports to Microsoft unless ${variable} is set, which this process has no permission for`,
      `start the program by ./grace-repro, which grants it, or deno with --allow-env=${variable}`,
    );
  }
  Deno.env.set(variable, "1");
}
