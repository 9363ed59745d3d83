/**
 * What a server did, as Prometheus reads it
 * (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
 *
 * @module
 */
import type { EmbeddedText } from "../rollout/embed.ts";
import type { QueueCounts } from "./text_queue.ts";

/** Upper bounds, in seconds, of the buckets in which answers are counted by the time they took. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Counts requests for embeddings and what came of them. */
export class ServerMetrics {
  readonly #requests = new Map<number, number>();
  /** Answers by the first bound that they kept; the last count is of those that kept none. */
  readonly #seconds = new Array<number>(BUCKETS.length + 1).fill(0);
  #secondsSum = 0;
  #promptTokens = 0;
  #rationaleTokens = 0;
  #truncatedTexts = 0;
  #truncatedRationales = 0;

  /** Counts an answer; time is counted of those that have embeddings. */
  answered(status: number, seconds: number): void {
    this.#requests.set(status, (this.#requests.get(status) ?? 0) + 1);
    if (status !== 200) return;
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
    this.#seconds[bucket < 0 ? BUCKETS.length : bucket]!++;
    this.#secondsSum += seconds;
  }

  /** Counts what was embedded. */
  embedded(texts: readonly EmbeddedText[]): void {
    for (const { promptTokens, rationaleTokens, truncatedPrompt, truncatedRationales } of texts) {
      this.#promptTokens += promptTokens;
      this.#rationaleTokens += rationaleTokens;
      this.#truncatedTexts += Number(truncatedPrompt);
      this.#truncatedRationales += truncatedRationales;
    }
  }

  /** The page that Prometheus asks for. */
  render(queue: QueueCounts): string {
    const requests = [...this.#requests].sort(([a], [b]) => a - b)
      .map(([status, count]): Sample => [`{status="${status}"}`, count]);
    return [
      metric("requests_total", "counter", "requests for embeddings, by the status of the answer", requests),
      this.#histogram(),
      one("texts_total", "counter", "texts that were embedded for an answer", queue.done),
      one("prompt_tokens_total", "counter", "tokens of prompts, templates included", this.#promptTokens),
      one("rationale_tokens_total", "counter", "tokens that were written", this.#rationaleTokens),
      one("truncated_texts_total", "counter", "texts that lost their end", this.#truncatedTexts),
      one(
        "truncated_rationales_total",
        "counter",
        "rationales that reached their limit",
        this.#truncatedRationales,
      ),
      one("batches_total", "counter", "batches that were run", queue.batches),
      one("busy_seconds_total", "counter", "seconds in which a batch ran", queue.busySeconds),
      one("queue_texts", "gauge", "texts that wait", queue.waiting),
      one("running_texts", "gauge", "texts of the batch that runs", queue.running),
    ].join("");
  }

  #histogram(): string {
    let count = 0;
    const samples = [...BUCKETS, "+Inf"].map((bound, i): Sample => {
      count += this.#seconds[i]!;
      return [`_bucket{le="${bound}"}`, count];
    });
    samples.push(["_sum", this.#secondsSum], ["_count", count]);
    return metric("request_seconds", "histogram", "time from a request to its embeddings", samples);
  }
}

/** What stands behind a metric's name, and its value. */
type Sample = [suffix: string, value: number];

function one(name: string, type: string, help: string, value: number): string {
  return metric(name, type, help, [["", value]]);
}

function metric(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const full = `grace_${name}`;
  const lines = samples.map(([suffix, value]) => `${full}${suffix} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}
