import { NoWorkersError } from '../protocol/errors.js';
import type { WorkerHeartbeat } from '../protocol/messages.js';
import { HEARTBEAT_MS } from '../protocol/timing.js';
import { readWorkerHeartbeat } from '../protocol/validate.js';
import { warnOfRejected } from '../protocol/warnOfRejected.js';
import { reasonOf } from '../redis/connection.js';

/** The time without workers after which a warning says so, in ms. */
const WARN_AFTER_MS = 4_000;

/** The workers of a queue, as a client sees them: who is there, and for how long nobody was heard of. */
export class WorkerRegistry {
  #threads = 0;
  #lastError: Error | undefined;
  #workers = new Map<string, WorkerHeartbeat>();
  readonly #addresses = new Map<string, string>();
  /** Workers whose heartbeats were rejected. */
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

  /** The threads of all workers that are connected. */
  get threads(): number {
    return this.#threads;
  }

  /** Starts to count the time without workers: a run waits for them now. */
  start(): void {
    this.#silent = this.#alone = 0;
    this.#lastWatch = performance.now();
  }

  /** Notes an error of a connection, for the message that says that Redis does not answer. */
  noteError(error: Error): void {
    this.#lastError = error;
  }

  /** Returns the last heartbeat of a worker, `undefined` where the worker is not there. */
  heartbeatOf(worker: string): WorkerHeartbeat | undefined {
    return this.#workers.get(worker);
  }

  /** Returns the address of a worker, also of one that is gone; its id where no address is known. */
  addressOf(worker: string | undefined): string {
    return this.#addresses.get(worker ?? '') ?? worker ?? 'that nobody knows';
  }

  /** Notes that Redis has answered. */
  heard(): void {
    this.#pass();
    this.#silent = 0;
  }

  #pass(): void {
    const now = performance.now();
    // A thread that was kept busy has heard of nobody, whoever was there.
    const passed = Math.min(now - this.#lastWatch, 1.5 * HEARTBEAT_MS);
    this.#lastWatch = now;
    this.#silent += passed;
    this.#alone += passed;
  }

  /**
   * Notes the workers that are there.
   * @param found their ids and heartbeats, not checked
   * @returns true if the number of threads has changed
   */
  update(found: readonly (readonly [id: string, heartbeat: string])[]): boolean {
    const workers = new Map<string, WorkerHeartbeat>();
    let threads = 0;
    for (const [id, text] of found) {
      try {
        const heartbeat = readWorkerHeartbeat(text);
        workers.set(id, heartbeat);
        this.#addresses.set(id, heartbeat.address);
        threads += heartbeat.threads;
      } catch (error) {
        this.#reject(id, error as Error);
      }
    }
    this.#workers = workers;
    if (threads > 0) {
      this.#alone = 0;
      this.#warned = false;
    }
    const changed = threads !== this.#threads;
    this.#threads = threads;
    return changed;
  }

  /** Warns once of a worker whose heartbeat cannot be read. */
  #reject(id: string, { message }: Error): void {
    if (!this.#rejected.has(id))
      warnOfRejected(
        `the heartbeat of a worker of the queue ${this.queue} was rejected, and it is not used: ${message}; run the same version of rx-parfor on both sides`,
      );
    this.#rejected.add(id);
  }

  /**
   * Warns where no worker is there, or Redis does not answer.
   * @param redis the address of Redis
   * @returns the error that ends the runs where that has lasted for `workerTimeout`
   */
  watch(redis: string): NoWorkersError | undefined {
    this.#pass();
    const { queue, workerTimeout } = this;
    const waited = Math.max(this.#silent, this.#alone);
    const soon = WARN_AFTER_MS - HEARTBEAT_MS / 2;
    const late = workerTimeout !== undefined && waited >= workerTimeout;
    if (!late && (waited < soon || this.#warned)) return undefined;
    const why =
      this.#silent >= soon
        ? `Redis at ${redis} does not answer${this.#lastError ? ` (${reasonOf(this.#lastError)})` : ''}; see that it runs and that \`connection\` of bullmq() is right`
        : `no worker is connected to the queue ${queue}; start one: npx rx-parfor-worker --queue ${queue} --redis redis://${redis} --root .`;
    if (late) return new NoWorkersError(queue, `${why} (waited ${workerTimeout} ms)`);
    this.#warned = true;
    process.emitWarning(`${why}; the run waits`, { type: 'NoWorkersWarning', code: 'RX_PARFOR_NO_WORKERS' });
    return undefined;
  }
}
