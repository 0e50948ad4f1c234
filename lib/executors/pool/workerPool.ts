import process from 'node:process';
import { Observable, type Subscriber } from 'rxjs';
import {
  describeStack,
  RunInWorkerError,
  TaskNotFoundError,
  WorkerCrashError,
  type WorkerExit,
} from '../../errors.js';
import {
  type Chunk,
  type ChunkPolicy,
  defaultChunkPolicy,
  type Executor,
  ExecutorClosedError,
  type Prefetching,
  type Report,
  type Run,
  TIME_SLICE_MS,
  WorkerLostError,
} from '../../executor.js';
import type { RunDefinition } from '../../protocol/messages.js';
import { RoundRobin } from '../../queues/roundRobin.js';
import { sharedContext } from '../../runtime/sharedContext.js';
import { startTimer, type Timer } from '../../runtime/startTimer.js';
import type { EncodedInputs } from '../../serialization/encodeInputs.js';
import { refusedInput } from '../refusedInput.js';
import { warnOfOversubscription } from '../workerOptions.js';
import { type ChunkCodec, chunkCodec } from './chunkCodec.js';
import { ChunkExecution, type ExecutionHost } from './chunkExecution.js';
import { Pulse } from './pulse.js';
import { ownErrorOf } from './reportOf.js';
import type { TinypoolWorkerOptions } from './tinypoolWorker.js';
import { WorkerHandle, type WorkerObserver } from './workerHandle.js';

/** A worker may take this much longer than planned: to hand back the last few inputs costs more (`bench/constants.ts`). */
const SLICE_TOLERANCE = 1.25;

/**
 * A worker that is let go of has this long to stop by itself before it is ended, in ms. A thread sees the flag after
 * the task that it is at; a process, which shares no memory, at the end of its slice (`bench/cancel.ts`).
 */
const GRACE_MS = { worker_threads: 5, child_process: TIME_SLICE_MS + 12 };

/**
 * This many workers in a row that die before they run anything are an error of the set-up. Fewer could be chance: workers
 * that are killed from outside five times a second got past three in a row within a minute.
 */
const MAX_FAILED_STARTS = 10;

export interface WorkerPoolOptions extends TinypoolWorkerOptions {
  /** The number of workers by default. */
  readonly parallelism: number;
  /** True if a run may ask for more than these. */
  readonly elastic: boolean;
  /** Milliseconds after which an idle worker is ended; `Infinity` for never. */
  readonly idleTimeout: number;
  /** Milliseconds of work that a chunk should hold. Default: 8. */
  readonly timeSlice?: number;
  /** Makes messages of values, and values of messages. Default: this program's values. */
  readonly codec?: ChunkCodec;
}

/**
 * Runs chunks on threads or child processes, one Tinypool of one worker for each.
 *
 * Code of the user runs where values are packed and read, and in what subscribers are told; all of it may call anything
 * here. So a chunk is packed before a worker is chosen for it, and a worker is free before anybody is told so.
 *
 * It is one class, as one choice needs all of its state: who is idle, who waits, and how many workers there may be.
 */
export class WorkerPool implements Executor, AsyncDisposable {
  readonly parallelism: number;
  readonly chunkPolicy: ChunkPolicy;
  readonly prefetching: Prefetching;
  readonly #options: WorkerPoolOptions;
  readonly #threads: boolean;
  /** Only threads share the memory for it. */
  readonly #pulse: Pulse | undefined;
  readonly #codec: ChunkCodec;
  readonly #workers = new Set<WorkerHandle>();
  readonly #idle: WorkerHandle[] = [];
  readonly #waiting = new RoundRobin<ChunkExecution>();
  /** Chunks that are waited for, with a worker or without. */
  readonly #executions = new Map<Chunk, ChunkExecution>();
  readonly #definitions = new WeakMap<Run, RunDefinition>();
  readonly #idleTimers = new Map<WorkerHandle, Timer>();
  readonly #host: ExecutionHost;
  readonly #workerObserver: WorkerObserver = {
    stray: warnOfStray,
    loaded: () => {
      this.#failedStarts = 0;
    },
    freed: worker => this.#free(worker),
    gone: worker => this.#remove(worker),
    unresponsive: worker => this.#replace(worker, worker.giveUp()),
  };
  #lastId = 0;
  #lastNumber = 0;
  #failedStarts = 0;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(options: WorkerPoolOptions) {
    this.parallelism = options.parallelism;
    this.#threads = options.runtime === 'worker_threads';
    this.chunkPolicy = {
      ...defaultChunkPolicy,
      ...(options.timeSlice !== undefined && { timeSlice: options.timeSlice }),
    };
    if (this.#threads) this.#pulse = new Pulse(this.chunkPolicy.timeSlice, () => this.#isPulseOfUse());
    this.#options = { ...options, ...(this.#pulse && { pulse: this.#pulse.count }) };
    this.#codec = options.codec ?? chunkCodec(this.#threads);
    this.#host = {
      codec: this.#codec,
      pulse: this.#pulse,
      timeSlice: this.chunkPolicy.timeSlice * SLICE_TOLERANCE,
      grace: GRACE_MS[this.#threads ? 'worker_threads' : 'child_process'],
      ended: execution => this.#forget(execution),
      freed: worker => this.#free(worker),
      kill: worker => this.#replace(worker, worker.kill()),
      lossOf: (worker, exit, loading) => this.#lossOf(worker, exit, loading),
    };
    this.prefetching = {
      run: (chunk, after) => this.#run(chunk, after),
      // A process shares no memory in which it could be told apart who was first.
      ...(this.#threads && { recall: chunk => this.#executions.get(chunk)?.recall() }),
    };
  }

  run(chunk: Chunk): Observable<Report> {
    return this.#run(chunk, undefined);
  }

  #run(chunk: Chunk, after: Chunk | undefined): Observable<Report> {
    return new Observable<Report>(subscriber => {
      const execution = this.#prepare(chunk, after, subscriber);
      if (!execution) return;
      this.#executions.set(chunk, execution);
      subscriber.add(() => execution.cancel());
      const worker = after && this.#executions.get(after)?.worker;
      // Those who wait come first: with a chunk more on each worker, a run would never let others in.
      if (worker?.ready && worker.load === 1 && this.#waiting.length === 0)
        return this.#give(execution, worker);
      this.#waiting.add(execution);
      this.#serve();
    });
  }

  isWaiting(chunk: Chunk): boolean {
    return this.#executions.get(chunk)?.isWaiting === true;
  }

  /** Lets the workers forget the definition of the run. */
  forget(run: Run): void {
    const id = this.#definitions.get(run)?.id;
    if (id !== undefined) for (const worker of this.#workers) worker.forget(id);
  }

  /** Hears what the workers have said so far. As this thread is busy, no timer of it tells them that time has passed. */
  poll(): void {
    this.#pulse?.beat();
    for (const worker of [...this.#workers]) worker.poll();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // First, as those who are told may run again here.
    this.#closed = true;
    for (const timer of this.#idleTimers.values()) timer.stop();
    this.#pulse?.stop();
    const ended = [...this.#workers].map(worker => worker.end());
    for (const execution of [...this.#executions.values()]) execution.fail(new ExecutorClosedError());
    await Promise.all(ended);
  }

  /** Packs a chunk, unless there is nothing to run then. Code of the user may run in it, and unsubscribe or close. */
  #prepare(
    chunk: Chunk,
    after: Chunk | undefined,
    subscriber: Subscriber<Report>,
  ): ChunkExecution | undefined {
    let definition: RunDefinition | undefined;
    let inputs: EncodedInputs | undefined;
    if (!this.#closed && !subscriber.closed) {
      try {
        definition = this.#define(chunk.run);
        inputs = this.#codec.pack(chunk);
      } catch (error) {
        subscriber.error(error);
        return undefined;
      }
    }
    if (subscriber.closed) return undefined;
    if (this.#closed || !definition || !inputs) {
      subscriber.error(new ExecutorClosedError());
      return undefined;
    }
    if (inputs.message.length > 0)
      return new ChunkExecution(chunk, after, inputs, definition, subscriber, this.#host);
    const { path = '', why = '' } = inputs.rejected ?? {};
    subscriber.next(refusedInput({ path, why }));
    subscriber.complete();
    return undefined;
  }

  #forget(execution: ChunkExecution): void {
    this.#executions.delete(execution.chunk);
    this.#waiting.delete(execution);
    // One that was to follow it may go elsewhere.
    this.#serve();
  }

  /** Gives workers to those who wait. */
  #serve(): void {
    while (!this.#closed) {
      const next = this.#waiting.take(
        ({ run, after }) =>
          // On a worker of its own it would run beside the other: one more than the run may have at once.
          !(after && this.#executions.has(after)) && (this.#idle.length > 0 || this.#mayGrow(run)),
      );
      if (!next) return;
      const worker = this.#idle.pop() ?? this.#newWorker(next.run);
      this.#stopIdleTimer(worker);
      this.#give(next, worker);
    }
  }

  #give(execution: ChunkExecution, worker: WorkerHandle): void {
    // What is made for the worker meanwhile serves other runs after this one.
    sharedContext.runInAsyncScope(() => {
      try {
        worker.start();
      } catch (error) {
        this.#replace(worker, worker.end());
        execution.fail(error);
        return;
      }
      this.#lastNumber += 1;
      execution.give(worker, this.#lastNumber, this.#threads);
      if (execution.mayLookSeldom) this.#pulse?.start();
    });
  }

  /** Returns true if a worker may have a chunk of which several inputs share a look. */
  #isPulseOfUse(): boolean {
    for (const execution of this.#executions.values()) if (execution.mayLookSeldom) return true;
    return false;
  }

  #mayGrow(run: Run): boolean {
    const { parallelism, elastic } = this.#options;
    const most = elastic && run.concurrency < Infinity ? Math.max(parallelism, run.concurrency) : parallelism;
    return this.#workers.size < most;
  }

  #newWorker(run: Run): WorkerHandle {
    const { parallelism } = this.#options;
    if (this.#workers.size >= parallelism) warnOfOversubscription(run.concurrency, parallelism);
    const worker = sharedContext.runInAsyncScope(() => new WorkerHandle(this.#options, this.#workerObserver));
    this.#workers.add(worker);
    return worker;
  }

  #remove(worker: WorkerHandle): void {
    this.#workers.delete(worker);
    this.#leaveIdle(worker);
    this.#serve();
  }

  #leaveIdle(worker: WorkerHandle): void {
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#stopIdleTimer(worker);
  }

  #stopIdleTimer(worker: WorkerHandle): void {
    this.#idleTimers.get(worker)?.stop();
    this.#idleTimers.delete(worker);
  }

  /** Gives a worker that has ended its chunks to those who wait. */
  #free(worker: WorkerHandle): void {
    if (worker.load > 0 || this.#idle.includes(worker)) return;
    this.#idle.push(worker);
    const { idleTimeout } = this.#options;
    this.#serve();
    if (idleTimeout === Infinity || !this.#idle.includes(worker)) return;
    const end = () => void this.#replace(worker, worker.end());
    this.#idleTimers.set(
      worker,
      sharedContext.runInAsyncScope(() => startTimer(end, idleTimeout, { unref: true })),
    );
  }

  /** The slot counts as taken until the worker has really stopped. */
  async #replace(worker: WorkerHandle, ended: Promise<void>): Promise<void> {
    this.#leaveIdle(worker);
    await ended;
    this.#remove(worker);
  }

  #lossOf(worker: WorkerHandle, exit: WorkerExit, loading: RunDefinition | undefined): Error {
    const cause = ownErrorOf(exit.cause);
    if (cause instanceof RunInWorkerError) return cause;
    if (worker.ready && !loading) return new WorkerLostError(exit);
    this.#failedStarts += 1;
    if (this.#failedStarts < MAX_FAILED_STARTS) return new WorkerLostError(exit, true);
    if (loading?.task.kind !== 'module')
      return new WorkerCrashError({ index: undefined, input: undefined }, exit);
    const { url, name } = loading.task;
    return new TaskNotFoundError(url, name, `its worker ends as it loads the module (${exit.reason})`);
  }

  #define(run: Run): RunDefinition {
    const known = this.#definitions.get(run);
    if (known) return known;
    this.#lastId += 1;
    const definition = this.#codec.define(run, this.#lastId);
    this.#definitions.set(run, definition);
    return definition;
  }
}

function warnOfStray(error: unknown): void {
  process.emitWarning(
    `a task left this error behind after it had returned; no input is blamed for it: ${describeStack(error)}`,
    {
      type: 'StrayErrorWarning',
      code: 'RX_PARFOR_STRAY',
    },
  );
}
