/**
 * What the hub's refusals mean, and what to do about them.
 *
 * @module
 */
import { MissingError } from "#errors";
import { type Repo, repoText } from "./repo.ts";

/** What was asked of the hub, for messages. */
export interface Asked {
  readonly repo: Repo;
  /** Such as `"config.json"`; undefined for the repository itself. */
  readonly file?: string | undefined;
}

/** Whether asking again may help: too many requests, a server in trouble. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/**
 * Why a request was refused. The hub says so in the header `X-Error-Code`, since it answers 401 for what is not there as well
 * as for what a stranger may not see.
 *
 * @param hasToken whether a token was sent
 */
export function refusal(
  status: number,
  headers: Headers,
  { repo, file }: Asked,
  { endpoint, hasToken }: { readonly endpoint: string; readonly hasToken: boolean },
): MissingError {
  const code = headers.get("x-error-code");
  const what = file === undefined ? `"${repoText(repo)}"` : `"${file}" of "${repoText(repo)}"`;
  const page = `${endpoint}/${repo.type === "dataset" ? "datasets/" : ""}${repo.id}`;
  if (code === "GatedRepo" || (status === 403 && code !== "DisabledRepo")) {
    return new MissingError(
      hasToken
        ? `the token in use may not read ${what} (status ${status}${code === null ? "" : `, ${code}`})`
        : `${what} is gated: its owner wants to know who downloads it`,
      `accept the terms on ${page} with your account, and set HF_TOKEN to a token of it that may read gated repositories`,
    );
  }
  if (code === "DisabledRepo") {
    return new MissingError(
      `${what} has been disabled on the hub`,
      `${page} may say why; choose another one`,
    );
  }
  if (status === 401) {
    return new MissingError(
      `the hub has no ${what}, or does not show it ${
        hasToken ? "to this token" : "without a token"
      } (status 401)`,
      hasToken
        ? `check the spelling, and that the token in HF_TOKEN is still valid and may read ${repo.id}`
        : "check the spelling; if it is private, set HF_TOKEN to a token that may read it",
    );
  }
  if (status === 404 && code === "RevisionNotFound") {
    return new MissingError(
      `"${repo.id}" has no revision "${repo.revision ?? "main"}"`,
      `${page}/commits shows its commits and branches`,
    );
  }
  if (status === 404) {
    return new MissingError(`the hub has no ${what} (status 404)`, `check the spelling: ${page}`);
  }
  return new MissingError(
    `the hub answered ${status} for ${what}`,
    isPassing(status)
      ? "try again later: the same command continues where this one stopped"
      : `see ${page}, and check HF_ENDPOINT if it is set`,
  );
}
