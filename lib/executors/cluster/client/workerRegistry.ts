import { NoWorkersError } from '../protocol/errors.js';
import { readWorkerBeat, type WorkerBeat } from '../protocol/messages.js';
import { warnOfRejected } from '../protocol/warnOfRejected.js';
import { saidBy } from '../redis/connection.js';
import { BEAT } from '../redis/keys.js';

/** Milliseconds without workers until that is said. */
const NO_WORKERS_AFTER = 4_000;

/** Who serves a queue, as a client sees it: the workers that are there, and for how long nobody was heard of. */
export class WorkerRegistry {
  /** The threads of all workers that are connected. */
  threads = 0;
  /** The last error of a connection. */
  lastError: Error | undefined;
  #workers = new Map<string, WorkerBeat>();
  readonly #places = new Map<string, string>();
  /** Workers whose signs of life were rejected. */
  readonly #rejected = new Set<string>();
  /** Milliseconds without an answer of Redis, and without a worker, in which this thread could have heard of them. */
  #silent = 0;
  #alone = 0;
  #lastWatch = 0;
  #warned = false;

  /** @param workerTimeout milliseconds without any worker until runs are to end; `undefined` for never */
  constructor(
    private readonly queue: string,
    private readonly workerTimeout: number | undefined,
  ) {}

  /** From now on it matters who is there. */
  start(): void {
    this.#silent = this.#alone = 0;
    this.#lastWatch = performance.now();
  }

  beatOf(worker: string): WorkerBeat | undefined {
    return this.#workers.get(worker);
  }

  /** Host and process id of a worker, also of one that is gone. */
  placeOf(worker: string | undefined): string {
    return this.#places.get(worker ?? '') ?? worker ?? 'that nobody knows';
  }

  /** Redis has answered. */
  heard(): void {
    this.#pass();
    this.#silent = 0;
  }

  #pass(): void {
    const now = performance.now();
    // A thread that was kept busy has heard of nobody, whoever was there.
    const passed = Math.min(now - this.#lastWatch, 1.5 * BEAT);
    this.#lastWatch = now;
    this.#silent += passed;
    this.#alone += passed;
  }

  /**
   * Takes note of the workers that are there.
   * @param found their ids, each followed by its sign of life
   * @returns whether the number of threads has changed
   */
  meet(found: readonly string[]): boolean {
    const workers = new Map<string, WorkerBeat>();
    let threads = 0;
    for (let i = 0; i + 1 < found.length; i += 2) {
      const id = found[i] as string;
      try {
        const beat = readWorkerBeat(found[i + 1] as string);
        workers.set(id, beat);
        this.#places.set(id, beat.place);
        threads += beat.threads;
      } catch (error) {
        if (!this.#rejected.has(id))
          warnOfRejected(
            `a worker of the queue ${this.queue} is none of this version: ${(error as Error).message}`,
          );
        this.#rejected.add(id);
      }
    }
    this.#workers = workers;
    if (threads > 0) {
      this.#alone = 0;
      this.#warned = false;
    }
    const changed = threads !== this.threads;
    this.threads = threads;
    return changed;
  }

  /**
   * Says that there is no worker, or no Redis.
   * @param address where Redis should be
   * @returns the error that ends the runs where that has lasted for too long
   */
  watch(address: string): NoWorkersError | undefined {
    this.#pass();
    const { queue, workerTimeout } = this;
    const waited = Math.max(this.#silent, this.#alone);
    const soon = NO_WORKERS_AFTER - BEAT / 2;
    const late = workerTimeout !== undefined && waited >= workerTimeout;
    if (!late && (waited < soon || this.#warned)) return undefined;
    const why =
      this.#silent >= soon
        ? `Redis at ${address} does not answer${this.lastError ? ` (${saidBy(this.lastError)})` : ''}; see that it runs and that \`connection\` of bullmq() is right`
        : `no worker is connected to the queue ${queue}; start one: npx rx-parfor-worker --queue ${queue} --redis redis://${address} --root .`;
    if (late) return new NoWorkersError(queue, `${why} (waited ${workerTimeout} ms)`);
    this.#warned = true;
    process.emitWarning(`${why}; the run waits`, { type: 'NoWorkersWarning', code: 'RX_PARFOR_NO_WORKERS' });
    return undefined;
  }
}
