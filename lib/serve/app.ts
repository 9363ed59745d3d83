/**
 * The routes of an embedding server: OpenAI's for embeddings and models, and those that operators ask for.
 *
 * @module
 */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { bodyLimit } from "hono/body-limit";
import { requestId } from "hono/request-id";
import type { EmbeddedText } from "../rollout/embed.ts";
import { ApiError, apiErrorOf } from "./api_error.ts";
import { parseEmbeddingRequest, type ServedModel } from "./embedding_request.ts";
import { embeddingResponse } from "./embedding_response.ts";
import type { ServerMetrics } from "./metrics.ts";
import type { TextQueue } from "./text_queue.ts";

/** How far a server is. */
export type ServerState =
  | { readonly phase: "loading" | "stopping" }
  | {
    readonly phase: "ready";
    readonly model: ServedModel;
    /** What else `/health` tells. */
    readonly about: Readonly<Record<string, unknown>>;
  };

/** What the routes need. */
export interface ServerAppOptions {
  readonly state: () => ServerState;
  readonly queue: TextQueue<EmbeddedText>;
  readonly metrics: ServerMetrics;
  /** Most texts of a request. */
  readonly mostTexts: number;
  /** Most bytes of a request's body. */
  readonly mostBytes: number;
  /** One of these has to come with every request but those for `/health`; none if empty. */
  readonly keys: readonly string[];
  /** Told of what is no fault of a client, with the id that its answer bears. */
  readonly onFailure: (requestId: string, error: unknown) => void;
}

/** Status of a request whose client went away, for the metrics; nobody is sent it. (nginx's number.) */
const CLIENT_GONE = 499;

const EMBEDDINGS = "/v1/embeddings";

/** Makes the server's answers to requests. */
export function serverApp(options: ServerAppOptions): Hono {
  const { state, queue, metrics, mostTexts, mostBytes, keys, onFailure } = options;
  const app = new Hono();
  const started = Math.floor(Date.now() / 1000);

  app.use(requestId());
  app.use(EMBEDDINGS, async (c, next) => {
    const begin = performance.now();
    await next();
    metrics.answered(c.res.status, (performance.now() - begin) / 1000);
  });
  app.get("/health", (c) => {
    const now = state(), ready = now.phase === "ready";
    const about = ready ? { model: now.model.id, dimension: now.model.dimension, ...now.about } : {};
    return c.json({ status: now.phase, ...about }, ready ? 200 : 503);
  });
  if (keys.length > 0) app.use(requireKey(keys));

  app.get("/metrics", (c) =>
    c.text(metrics.render(queue.counts), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    }));
  const describe = ({ id }: ServedModel) => ({
    id,
    object: "model",
    created: started,
    owned_by: "grace-repro",
  });
  app.get("/v1/models", (c) => c.json({ object: "list", data: [describe(readyModel(state()))] }));
  // An id may have slashes in it.
  app.get("/v1/models/:id{.+}", (c) => {
    const model = readyModel(state()), id = c.req.param("id");
    if (id === model.id) return c.json(describe(model));
    throw new ApiError(404, `there is no model "${id}": this server has "${model.id}"`, {
      param: "model",
      code: "model_not_found",
    });
  });
  app.post(
    EMBEDDINGS,
    bodyLimit({
      maxSize: mostBytes,
      onError: () => {
        throw new ApiError(413, `the body has more than ${mostBytes} bytes: send fewer texts at once`, {
          code: "body_too_large",
        });
      },
    }),
    async (c) => {
      requireJson(c);
      const model = readyModel(state());
      const request = parseEmbeddingRequest(await c.req.text(), model, mostTexts);
      const results = await queue.submit(request.texts, c.req.raw.signal);
      metrics.embedded(results);
      const cut = results.filter(({ truncatedPrompt }) => truncatedPrompt).length;
      // Nothing is shortened in silence, whether or not the client asked for our fields.
      if (cut > 0) c.header("grace-truncated-texts", String(cut));
      return c.json(embeddingResponse(request, results, model));
    },
  );
  for (const path of [EMBEDDINGS, "/v1/models", "/health", "/metrics"]) {
    const allow = path === EMBEDDINGS ? "POST" : "GET";
    app.all(path, (c) => {
      c.header("allow", allow);
      throw new ApiError(405, `${c.req.method} ${path} is not served: use ${allow}`, {
        code: "method_not_allowed",
      });
    });
  }
  app.notFound((c) => {
    const message = `there is no ${c.req.path}: see /v1/embeddings, /v1/models, /health, /metrics`;
    return answer(c, new ApiError(404, message, { code: "not_found" }));
  });
  app.onError((error, c) => {
    if (c.req.raw.signal.aborted) return new Response(null, { status: CLIENT_GONE });
    const told = apiErrorOf(error);
    if (told === undefined || told.status === 500) onFailure(c.get("requestId"), error);
    return answer(
      c,
      told ?? new ApiError(500, "an error inside the server: its log has the id of this request"),
    );
  });
  return app;
}

function readyModel(state: ServerState): ServedModel {
  if (state.phase === "ready") return state.model;
  throw state.phase === "loading"
    ? new ApiError(503, "the model is being loaded", { code: "loading", retryAfter: 1 })
    : new ApiError(503, "the server is stopping", { code: "stopping" });
}

function answer(c: Context, error: ApiError): Response {
  return c.json(error.body, error.status, error.headers);
}

function requireKey(keys: readonly string[]): MiddlewareHandler {
  const refusal = (message: string) => ({
    message: (c: Context): never => {
      c.header("www-authenticate", "Bearer");
      throw new ApiError(401, message, { code: "invalid_api_key" });
    },
  });
  return bearerAuth({
    token: [...keys],
    noAuthenticationHeader: refusal("no key is given: send Authorization: Bearer <key>"),
    invalidAuthenticationHeader: refusal("Authorization is not of the form: Bearer <key>"),
    invalidToken: refusal("the key is not one of this server's"),
  });
}

/** A page of another site may send anything else than JSON from a browser without being asked for permission. */
function requireJson(c: Context): void {
  const type = c.req.header("content-type") ?? "";
  if (/^application\/json\s*(;|$)/i.test(type)) return;
  throw new ApiError(415, `the body is "${type}": send it with Content-Type: application/json`, {
    code: "unsupported_media_type",
  });
}
