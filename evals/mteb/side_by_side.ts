/**
 * Jobs that do not depend on each other, computed on all cores: by the thread that asks, which waits for the answers, and by
 * helpers, one for each further core. Every job is computed whole by one thread, so that the number of helpers changes no bit.
 *
 * Helpers are started by the first score that is worth it, and stay until the process ends, which they do not delay. What they
 * are given lies in shared memory that is used again; it is bounded, however many jobs and cores there are.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { type JobKind, type JobOf, type OutcomeOf, runJob } from "./scoring_jobs.ts";
import { packed, SharedFloats, sharedIntegers, unpacked } from "./shared_memory.ts";

/** Each has a JavaScript engine of its own, of some 30 MB. */
const MOST_HELPERS = 15;
/** Multiplications that take about 0.1 s: fewer are not worth the start of a helper, which takes as long. */
const WORTH_A_START = 2 ** 30;
/** Multiplications that take some ms: fewer are not worth a message. */
const WORTH_A_MESSAGE = 2 ** 26;
/** Floats that jobs with helpers may hold together: 1 GiB. */
const MOST_FLOATS = 2 ** 28;
/** Jobs that a helper has at a time: one that it computes, and the next one. */
const JOBS_IN_HAND = 2;

/** What is sent to a helper. */
export interface Task {
  /** Of the call of {@linkcode sideBySide}. */
  readonly round: number;
  /** Of the job among the others. */
  readonly place: number;
  readonly kind: JobKind;
  readonly job: JobOf<JobKind>;
  /** Of every job, whether somebody has begun it. */
  readonly claims: Int32Array;
}

/** What a helper answers: once for round 0 when it is ready, and without an outcome if it failed. */
export interface Answer {
  readonly round: number;
  readonly place: number;
  readonly outcome?: OutcomeOf<JobKind>;
}

/** What a helper starts with. */
export interface HelperData {
  readonly port: MessagePort;
  /** [1], the number of jobs that were sent to this helper, on which it waits. */
  readonly sent: Int32Array;
  /** [1], the number of answers of all helpers, on which the one who asks waits. */
  readonly answers: Int32Array;
}

interface Helper {
  readonly port: MessagePort;
  readonly sent: Int32Array;
  ready: boolean;
  /** Places of the jobs it has. */
  readonly has: Set<number>;
}

const answers = sharedIntegers(1);
const helpers: Helper[] = [];
let rounds = 0;

/** Jobs of one kind. */
export interface Jobs<K extends JobKind> {
  readonly kind: K;
  readonly count: number;
  /** Floats that a job needs in shared memory. */
  floats(place: number): number;
  /** A job, made just before it is computed or sent; `memory` has as many floats as were asked for. */
  job(place: number, memory: Float32Array): JobOf<K>;
  /** About how many multiplications all jobs together take. */
  readonly multiplications: number;
}

/**
 * Outcomes of all jobs, in their order.
 *
 * @param helping most helpers to have; default: as many as there are cores to spare
 * @throws what a job throws
 */
export function sideBySide<K extends JobKind>(
  jobs: Jobs<K>,
  helping: number = Math.min(availableParallelism() - 1, MOST_HELPERS),
): OutcomeOf<K>[] {
  const { kind, count, multiplications } = jobs;
  const worth = Math.min(helping, count - 1, Math.floor(multiplications / WORTH_A_START));
  while (helpers.length < worth) helpers.push(started());
  const usable = multiplications < WORTH_A_MESSAGE ? [] : helpers.slice(0, helping);
  const round = ++rounds, claims = sharedIntegers(count), memory = new SharedFloats();
  const outcomes = new Array<OutcomeOf<K>>(count), sent = new Map<number, JobOf<K>>();

  const compute = (place: number, job: JobOf<K>) => {
    outcomes[place] = runJob(kind, job);
    memory.free(place);
  };
  const collect = () => {
    for (const helper of usable) {
      for (let got = receiveMessageOnPort(helper.port); got; got = receiveMessageOnPort(helper.port)) {
        const { round: answered, place, outcome } = unpacked(got.message) as Answer;
        helper.ready = true;
        // Of a call before, in which another job failed.
        if (answered !== round) continue;
        helper.has.delete(place);
        if (outcome === undefined) compute(place, sent.get(place)!);
        else outcomes[place] = outcome as OutcomeOf<K>;
        sent.delete(place);
        memory.free(place);
      }
    }
  };

  try {
    for (let place = 0; place < count; place++) {
      const job = jobs.job(place, memory.take(place, jobs.floats(place)));
      collect();
      const helper = memory.used <= MOST_FLOATS
        ? usable.find(({ ready, has }) => ready && has.size < JOBS_IN_HAND)
        : undefined;
      if (helper === undefined) {
        compute(place, job);
        continue;
      }
      sent.set(place, job);
      helper.has.add(place);
      helper.port.postMessage(packed({ round, place, kind, job, claims } satisfies Task));
      Atomics.add(helper.sent, 0, 1);
      Atomics.notify(helper.sent, 0);
    }
    // What no helper has begun is done here.
    for (const [place, job] of sent) {
      if (!claimed(claims, place)) continue;
      sent.delete(place);
      for (const { has } of usable) has.delete(place);
      compute(place, job);
    }
    while (true) {
      const seen = Atomics.load(answers, 0);
      collect();
      if (sent.size === 0) return outcomes;
      Atomics.wait(answers, 0, seen);
    }
  } finally {
    // Where a job threw: its helpers begin nothing more, and what they still answer is nobody's.
    for (const place of sent.keys()) claimed(claims, place);
    for (const { has } of usable) has.clear();
  }
}

/** Whether the job was not begun, and is the caller's now. */
export function claimed(claims: Int32Array, place: number): boolean {
  return Atomics.compareExchange(claims, place, 0, 1) === 0;
}

/** Jobs that helpers have answered, in this process. */
export function helped(): number {
  return Atomics.load(answers, 0) - helpers.filter(({ ready }) => ready).length;
}

function started(): Helper {
  const { port1, port2 } = new MessageChannel(), sent = sharedIntegers(1);
  const workerData = { ...packed({ sent, answers }) as object, port: port2 };
  new Worker(new URL("./helper.ts", import.meta.url), { workerData, transferList: [port2] }).unref();
  return { port: port1, sent, ready: false, has: new Set() };
}
