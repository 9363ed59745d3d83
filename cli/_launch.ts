/**
 * Runs the real launcher, for tests.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** The launcher of this checkout. */
export const launcher: string = fileURLToPath(new URL("../grace-repro", import.meta.url));

/** How a process ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Environment in which Linux offers no WebGPU adapter, whatever is installed. */
export const noAdapter: Readonly<Record<string, string>> = {
  DENO_WEBGPU_BACKEND: "vulkan",
  VK_ICD_FILENAMES: "/dev/null",
  VK_DRIVER_FILES: "/dev/null",
};

/** Runs `./grace-repro` with nothing in its environment that changes what is printed, except what `env` says. */
export async function launch(
  args: readonly string[],
  options: {
    command?: string;
    cwd?: string;
    env?: Record<string, string>;
    stdin?: string;
    clearEnv?: boolean;
  } = {},
): Promise<Outcome> {
  const child = new Deno.Command(options.command ?? launcher, {
    args: [...args],
    clearEnv: options.clearEnv ?? false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...(options.clearEnv ? {} : { NO_COLOR: "", GRACE_DEBUG: "", TERM: "xterm" }), ...options.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A command that reads no input may have ended before it is written.
  await writer.write(new TextEncoder().encode(options.stdin ?? "")).then(() => writer.close()).catch(
    () => {},
  );
  const { code, stdout, stderr } = await child.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}
