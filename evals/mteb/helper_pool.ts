/**
 * Threads that help the one that asks: jobs that do not depend on each other are computed by it and by them, each whole by one
 * thread, so that the number of helpers changes no bit.
 *
 * The thread that asks waits for the answers and hears of nothing else meanwhile, not even that a helper has ended. So it waits
 * for as long as a job should take, and then computes itself what a helper owes: a helper that is lost costs time, and no score.
 *
 * @module
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from "node:worker_threads";
import { type JobKind, type JobOf, type OutcomeOf, runJob } from "./scoring_jobs.ts";
import { borrowShared, giveBackShared, packed, sharedIntegers, unpacked } from "./shared_memory.ts";

/** Multiplications that take about 0.1 s: fewer are not worth the start of a helper, which takes as long. */
const WORTH_A_START = 2 ** 30;
/** Multiplications that take some ms: fewer are not worth a message. */
const WORTH_A_MESSAGE = 2 ** 26;
/** Floats that jobs with helpers may hold together: 1 GiB. */
const MOST_FLOATS = 2 ** 28;
/** Jobs that a helper has at a time: one that it computes, and the next one. */
const JOBS_IN_HAND = 2;
/** Times longer than the slowest job of the one who asks, by their size, that a helper may be silent over one. */
const PATIENCE = 4;
/** The same in ms, at least: helpers compile code at first, and other programs want the cores. */
const LEAST_PATIENCE = 1000;
/** Helpers that may end unasked before no more are started: something on this machine ends them. */
const MOST_ENDED = 3;

/** What is sent to a helper. */
export interface Task {
  /** Of the call of {@linkcode HelperPool.run}. */
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
  /** Whether it has answered since it was started, or since it was given up. */
  ready: boolean;
  /** Places of the jobs it has. */
  readonly has: Set<number>;
}

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

/** Whether the job was not begun, and is the caller's now. */
export function claimed(claims: Int32Array, place: number): boolean {
  return Atomics.compareExchange(claims, place, 0, 1) === 0;
}

/** The helpers of a process. They are started when it is worth it, and do not keep the process from ending. */
export class HelperPool {
  readonly #start: (options: { workerData: unknown; transferList: MessagePort[] }) => Worker;
  readonly #answers = sharedIntegers(1);
  #helpers: Helper[] = [];
  #ended = 0;
  #rounds = 0;
  #helped = 0;
  #takenOver = 0;

  /** @param start starts a thread of `helper.ts` */
  constructor(start: (options: { workerData: unknown; transferList: MessagePort[] }) => Worker) {
    this.#start = start;
  }

  /** Jobs that helpers have computed. */
  get helped(): number {
    return this.#helped;
  }

  /** Jobs that a helper had begun, and that were computed by the one who asked because it did not answer. */
  get takenOver(): number {
    return this.#takenOver;
  }

  /** Helpers that have ended, which none should. */
  get ended(): number {
    return this.#ended;
  }

  /**
   * Outcomes of all jobs, in their order.
   *
   * @param helping most helpers to have
   * @throws what a job throws
   */
  run<K extends JobKind>(jobs: Jobs<K>, helping: number): OutcomeOf<K>[] {
    const { count, multiplications } = jobs;
    const worth = Math.min(helping, count - 1, Math.floor(multiplications / WORTH_A_START));
    while (this.#helpers.length < worth && this.#ended < MOST_ENDED) this.#helpers.push(this.#started());
    const usable = multiplications < WORTH_A_MESSAGE ? [] : this.#helpers.slice(0, helping);
    using round = new Round(jobs, ++this.#rounds, usable, this.#answers);
    const outcomes = round.compute();
    this.#helped += round.helped;
    this.#takenOver += round.takenOver;
    return outcomes;
  }

  #started(): Helper {
    const { port1, port2 } = new MessageChannel(), sent = sharedIntegers(1);
    const workerData = { ...packed({ sent, answers: this.#answers }) as object, port: port2 };
    const worker = this.#start({ workerData, transferList: [port2] });
    const helper: Helper = { port: port1, sent, ready: false, has: new Set() };
    // An error that nobody listens for would end the process; after it, the thread ends.
    worker.on("error", () => {});
    worker.on("exit", () => {
      this.#ended++;
      this.#helpers = this.#helpers.filter((other) => other !== helper);
      port1.close();
    });
    worker.unref();
    return helper;
  }
}

/** One call of {@linkcode HelperPool.run}. */
class Round<K extends JobKind> {
  readonly #jobs: Jobs<K>;
  readonly #round: number;
  readonly #helpers: readonly Helper[];
  readonly #answers: Int32Array;
  readonly #claims: Int32Array;
  readonly #outcomes: OutcomeOf<K>[];
  /** Jobs that helpers owe. */
  readonly #sent = new Map<number, { readonly job: JobOf<K>; readonly helper: Helper }>();
  readonly #memory = new Map<number, Float32Array<SharedArrayBuffer>>();
  #floats = 0;
  /** ms for each float, of the slowest job that was computed here. */
  #pace = 0;
  /** Jobs that helpers have computed. */
  helped = 0;
  /** Jobs that helpers should have computed. */
  takenOver = 0;

  constructor(jobs: Jobs<K>, round: number, helpers: readonly Helper[], answers: Int32Array) {
    this.#jobs = jobs;
    this.#round = round;
    this.#helpers = helpers;
    this.#answers = answers;
    this.#claims = sharedIntegers(jobs.count);
    this.#outcomes = new Array<OutcomeOf<K>>(jobs.count);
  }

  compute(): OutcomeOf<K>[] {
    const { count } = this.#jobs,
      sizes = Array.from({ length: count }, (_, place) => this.#jobs.floats(place));
    // The longest first, so that all threads end at about the same time.
    const order = sizes.map((_, place) => place).sort((a, b) => sizes[b]! - sizes[a]!);
    for (const place of order) {
      const job = this.#jobs.job(place, this.#take(place));
      this.#collect();
      const helper = this.#floats <= MOST_FLOATS
        ? this.#helpers.find(({ ready, has }) => ready && has.size < JOBS_IN_HAND)
        : undefined;
      if (helper) this.#send(place, job, helper);
      else this.#compute(place, job);
    }
    // What no helper has begun is done here.
    for (const [place, { job, helper }] of this.#sent) {
      if (!claimed(this.#claims, place)) continue;
      this.#sent.delete(place);
      helper.has.delete(place);
      this.#compute(place, job);
    }
    this.#wait();
    return this.#outcomes;
  }

  #compute(place: number, job: JobOf<K>): void {
    const start = performance.now();
    this.#outcomes[place] = runJob(this.#jobs.kind, job);
    this.#pace = Math.max(this.#pace, (performance.now() - start) / (this.#jobs.floats(place) || 1));
    this.#free(place);
  }

  #send(place: number, job: JobOf<K>, helper: Helper): void {
    this.#sent.set(place, { job, helper });
    helper.has.add(place);
    const task: Task = { round: this.#round, place, kind: this.#jobs.kind, job, claims: this.#claims };
    helper.port.postMessage(packed(task));
    Atomics.add(helper.sent, 0, 1);
    Atomics.notify(helper.sent, 0);
  }

  /** Takes the answers that are there. */
  #collect(): void {
    for (const helper of this.#helpers) {
      for (let got = receiveMessageOnPort(helper.port); got; got = receiveMessageOnPort(helper.port)) {
        const { round, place, outcome } = unpacked(got.message) as Answer;
        helper.ready = true;
        const owed = this.#sent.get(place);
        // Of a call before in which another job failed, or of a job that was taken over.
        if (round !== this.#round || owed?.helper !== helper) continue;
        this.#sent.delete(place);
        helper.has.delete(place);
        if (outcome === undefined) this.#compute(place, owed.job);
        else {
          this.#outcomes[place] = outcome as OutcomeOf<K>;
          this.helped++;
          this.#free(place);
        }
      }
    }
  }

  /** Waits for what helpers have begun, and does what they have not answered when they should have. */
  #wait(): void {
    while (true) {
      const seen = Atomics.load(this.#answers, 0);
      this.#collect();
      const [next] = this.#sent;
      if (next === undefined) return;
      const [place, { job, helper }] = next;
      const patience = Math.max(LEAST_PATIENCE, PATIENCE * this.#pace * this.#jobs.floats(place));
      if (Atomics.wait(this.#answers, 0, seen, patience) !== "timed-out") continue;
      // Until it answers again, which the dead never do, it is given nothing more. Nor is the memory used again that it may read.
      helper.ready = false;
      helper.has.clear();
      this.#sent.delete(place);
      this.#memory.delete(place);
      this.takenOver++;
      this.#compute(place, job);
    }
  }

  #take(place: number): Float32Array {
    const memory = borrowShared(this.#jobs.floats(place));
    this.#memory.set(place, memory);
    this.#floats += memory.length;
    return memory;
  }

  #free(place: number): void {
    const memory = this.#memory.get(place);
    if (memory === undefined) return;
    this.#memory.delete(place);
    this.#floats -= memory.length;
    giveBackShared(memory);
  }

  /** Where a job threw: helpers begin nothing more of this call, and what they still answer is nobody's. */
  [Symbol.dispose](): void {
    for (const [place, { helper }] of this.#sent) {
      claimed(this.#claims, place);
      helper.has.clear();
    }
  }
}
