/**
 * An HTTP server at one address, from listening to the last answer.
 *
 * It is Node's server, as Deno has it: that of `Deno.serve` does not notice that a client has gone while its request waits for an
 * answer, unless the request is shorter than a packet (2.9.6; the signal of a POST of 10 bytes aborts, that of 500 does not). To be
 * replaced by `Deno.serve` when it does.
 *
 * @module
 */
import { createServer } from "node:http";
import { isIP } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { MissingError, UsageError } from "#errors";

/** A server that listens. */
export interface HttpServer {
  /** Such as "http://127.0.0.1:8080". */
  readonly url: string;
  /** Whether only this machine reaches it. */
  readonly loopback: boolean;
  /** Takes nothing new, and waits until everything is answered, or until `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

/**
 * Starts to listen.
 *
 * @param host address, or "localhost"
 * @param port 0 for any that is free
 * @throws MissingError or UsageError if that cannot be done at this address
 */
export async function listen(
  host: string,
  port: number,
  handler: (request: Request) => Response | Promise<Response>,
): Promise<HttpServer> {
  requireAddress(host, port);
  const server = createServer(getRequestListener(handler, { overrideGlobalObjects: false }));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  try {
    server.listen({ host: addressOf(host), port }, resolve);
    await promise;
  } catch (cause) {
    throw refusal(host, port, cause as Error & { code?: string });
  }
  const { address, port: taken } = server.address() as { address: string; port: number };
  return {
    url: `http://${address.includes(":") ? `[${address}]` : address}:${taken}`,
    loopback: address === "::1" || address.startsWith("127."),
    stop: async (signal) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const cut = () => server.closeAllConnections();
      if (signal.aborted) cut();
      else signal.addEventListener("abort", cut, { once: true });
      await closed;
    },
  };
}

/** No name is looked up: the permission is one for an address, and what a name stands for may change. */
function addressOf(host: string): string {
  return host === "localhost" ? "127.0.0.1" : host;
}

/**
 * Fails unless it is an address that this process may listen at. (Node's server would end the process over one that it may not.)
 *
 * @throws UsageError
 */
function requireAddress(host: string, port: number): void {
  const address = addressOf(host), version = address.includes("%") ? 0 : isIP(address);
  if (version === 0) {
    throw new UsageError(
      `--host "${host}" is no address`,
      "give one of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them",
    );
  }
  const asked = { name: "net", host: `${version === 6 ? `[${address}]` : address}:${port}` } as const;
  if (Deno.permissions.querySync(asked).state === "granted") return;
  throw new UsageError(
    `no permission to listen at "${host}", port ${port}`,
    "start grace-repro with its own script, which grants this one address",
  );
}

function refusal(host: string, port: number, cause: Error & { code?: string }): Error {
  const where = `"${host}", port ${port}`;
  if (cause.code === "EADDRINUSE") {
    return new MissingError(
      `cannot listen at ${where}: another program does`,
      "choose another --port, or 0 for any that is free",
      { cause },
    );
  }
  return new MissingError(
    `cannot listen at ${where}: ${cause.message}`,
    "give --host an address of this machine, and --port one from 1024 on",
    { cause },
  );
}
