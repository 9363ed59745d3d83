/**
 * Errors as OpenAI's API tells them: `{"error": {"message", "type", "param", "code"}}` under a status that says whose fault it was.
 *
 * @module
 */
import { DeviceError, GraceError, NumericError } from "#errors";

/** What an error tells beside its message. */
export interface ApiErrorDetails {
  /** Field of the request that is wrong. */
  readonly param?: string;
  /** Word for programs, such as "model_not_found". */
  readonly code?: string;
  /** Seconds after which the same request may succeed. */
  readonly retryAfter?: number;
  /** Whether the same request would fail again: clients of OpenAI's then do not repeat it. */
  readonly permanent?: boolean;
}

/** Statuses of errors. */
export type ApiErrorStatus = 400 | 401 | 404 | 405 | 413 | 415 | 429 | 500 | 503;

/** A request that is answered with an error. */
export class ApiError extends Error {
  override name = "ApiError";

  /**
   * @param status of HTTP
   * @param message cause, with the offending value quoted, and cure
   */
  constructor(readonly status: ApiErrorStatus, message: string, readonly details: ApiErrorDetails = {}) {
    super(message);
  }

  /** The body of the answer. */
  get body(): Readonly<Record<"error", Readonly<Record<string, string | null>>>> {
    const { param = null, code = null } = this.details;
    return { error: { message: this.message, type: typeOf(this.status), param, code } };
  }

  /** Headers of the answer beside its type. */
  get headers(): Readonly<Record<string, string>> {
    const { retryAfter, permanent } = this.details;
    return {
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
      ...(permanent && { "x-should-retry": "false" }),
    };
  }
}

/** A request that cannot be served as it is. */
export function badRequest(message: string, param?: string, code?: string): ApiError {
  return new ApiError(400, message, {
    ...(param !== undefined && { param }),
    ...(code !== undefined && { code }),
  });
}

/** What went wrong with the texts of a request, as an answer; undefined for what is a defect of this program. */
export function apiErrorOf(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (!(error instanceof GraceError)) return undefined;
  const message = `${error.message}: ${error.cure}`;
  // The same texts give the same numbers: to ask again is of no use.
  if (error instanceof NumericError) {
    return new ApiError(500, message, { code: "not_finite", permanent: true });
  }
  if (error instanceof DeviceError) return new ApiError(500, message, { code: "engine_lost" });
  return badRequest(message, "input");
}

/** OpenAI's word for who is at fault. */
function typeOf(status: number): string {
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}
