/**
 * Progress and remarks on stderr. On a terminal: one line that is drawn over, with what is being done, how far it is,
 * tokens a second and the time left. Elsewhere: a plain line now and then, so that a log file stays readable.
 *
 * @module
 */

/** How far a long job is. */
export interface ProgressReport {
  /** What is being done, such as "train grace". A new value, or a new unit, starts the clock anew. */
  readonly task: string;
  /** Units finished, including those of an earlier run that was resumed. */
  readonly done: number;
  readonly total: number;
  /** What is counted, such as "steps". */
  readonly unit: string;
  /** Tokens processed since the task began in this process; left out where tokens mean nothing. */
  readonly tokens?: number | undefined;
  /** What the last unit was like, such as "loss 1.23". */
  readonly detail?: string | undefined;
  /** The larger job that this is a part of. */
  readonly whole?: {
    /** Which part this is, such as "3/14". */
    readonly place: string;
    /** Seconds left of all parts; undefined while that cannot be told. */
    readonly left: number | undefined;
  };
}

/** Where progress goes. */
export interface ProgressOutput {
  write(text: string): void;
  /** Whether the cursor can be moved: a terminal, and not a dumb one. */
  readonly interactive: boolean;
  readonly color: boolean;
  /** Nothing is written if true. */
  readonly quiet: boolean;
  /** Width of the terminal in characters. */
  columns(): number;
  /** Milliseconds that never run backwards. */
  now(): number;
}

/** At most this often is the line on a terminal drawn again. */
const redrawMs = 100;
/** At most this often is a line written where there is no terminal. */
const lineMs = 10_000;
const barWidth = 10;
const clearLine = "\r\x1b[2K";

/** A report and when it came, in milliseconds. */
interface Moment {
  readonly report: ProgressReport;
  readonly at: number;
}

/** Shows one job at a time. */
export class Progress {
  readonly #out: ProgressOutput;
  #start: Moment | undefined;
  /** When a unit was finished last: what comes between two units tells nothing about how long one takes. */
  #advance: Moment | undefined;
  #writtenAt = -Infinity;
  #lineShown = false;

  /** Shows progress on `out`. */
  constructor(out: ProgressOutput) {
    this.#out = out;
  }

  /** Takes note of where the job is; writes if it is time to, and always when a task is complete. */
  update(report: ProgressReport): void {
    if (this.#out.quiet) return;
    const now = this.#out.now();
    if (this.#start?.report.task !== report.task || this.#start.report.unit !== report.unit) {
      this.#erase();
      this.#start = this.#advance = { report, at: now };
      this.#writtenAt = this.#out.interactive ? -Infinity : now;
    }
    if (this.#advance?.report.done !== report.done) this.#advance = { report, at: now };
    const complete = report.done >= report.total;
    if (!complete && now - this.#writtenAt < (this.#out.interactive ? redrawMs : lineMs)) return;
    this.#writtenAt = now;
    const line = describe(report, this.#start, this.#advance!, now);
    if (!this.#out.interactive) return this.#out.write(`${line}\n`);
    const bar = `${drawBar(report, this.#out.color)} `;
    const room = this.#out.columns() - barWidth - 4;
    this.#out.write(`${clearLine}${bar}${line.slice(0, Math.max(0, room))}`);
    this.#lineShown = true;
    if (complete) this.end();
  }

  /** Writes a remark on a line of its own. */
  note(text: string): void {
    if (this.#out.quiet) return;
    this.#erase();
    this.#out.write(`${text}\n`);
  }

  /** Leaves the last line as it is and forgets the job. Call it before anything else writes to the terminal. */
  end(): void {
    if (this.#lineShown) this.#out.write("\n");
    this.#lineShown = false;
    this.#start = undefined;
  }

  #erase(): void {
    if (this.#lineShown) this.#out.write(clearLine);
    this.#lineShown = false;
  }
}

/**
 * "train grace: 12/100 steps, 812 tokens/s, 3 min 20 s left", or "3/14 train grace: 12/100 steps, 812 tokens/s, run 8 min 05 s
 * left" where that can be told; rates count from the first report of the task.
 */
function describe(
  report: ProgressReport,
  start: Moment,
  advance: Moment,
  now: number,
): string {
  const seconds = (now - start.at) / 1000;
  const place = report.whole ? `${report.whole.place} ` : "";
  const parts = [`${place}${report.task}: ${report.done}/${report.total} ${report.unit}`];
  const tokens = (report.tokens ?? 0) - (start.report.tokens ?? 0);
  if (tokens > 0 && seconds > 0) parts.push(`${Math.round(tokens / seconds)} tokens/s`);
  const finished = report.done - start.report.done;
  const left = report.whole?.left;
  if (report.done >= report.total) parts.push(`done in ${formatDuration(seconds)}`);
  else if (left !== undefined) parts.push(`run ${formatDuration(left)} left`);
  else if (finished > 0) {
    const perUnit = (advance.at - start.at) / 1000 / finished;
    const since = (now - advance.at) / 1000;
    parts.push(`${formatDuration(Math.max(0, (report.total - report.done) * perUnit - since))} left`);
  }
  if (report.detail) parts.push(report.detail);
  return parts.join(", ");
}

function drawBar(report: ProgressReport, color: boolean): string {
  const share = report.total > 0 ? Math.min(1, report.done / report.total) : 1;
  const full = Math.floor(share * barWidth);
  const bar = "#".repeat(full);
  return `[${color ? `\x1b[32m${bar}\x1b[39m` : bar}${"-".repeat(barWidth - full)}]`;
}

/** "8 s", "3 min 20 s", "2 h 05 min". */
export function formatDuration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor(s / 60) % 60).padStart(2, "0")} min`;
}
