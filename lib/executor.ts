import type { Observable } from 'rxjs';
import { nameError, type WorkerExit } from './errors.js';
import type { ColumnBatch } from './protocol/columnBatch.js';
import type { Task } from './task/task.js';

/** The part that the chunks of one subscription share. One object for the whole run: an executor may key its own state by it. */
export interface Run {
  readonly task: Task;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>> | undefined;
  readonly spread: boolean;
  /** The number of workers that the run may keep busy at once. */
  readonly concurrency: number;
  /** Milliseconds for one task, from its start; `undefined` for no limit. */
  readonly taskTimeout: number | undefined;
}

/** Consecutive inputs for one worker. */
export interface Chunk {
  readonly run: Run;
  /** The index of the first input. */
  readonly first: number;
  /** Valid until the chunk has ended: the memory of numbers is used again then. */
  readonly inputs: ArrayLike<unknown>;
  /**
   * The same inputs, for an executor that copies them as it is subscribed to: as columns, or with copies for objects that
   * the source may go on to change. They must not be changed. Left out where `inputs` serve as well.
   */
  readonly kept?: ArrayLike<unknown> | ColumnBatch | undefined;
}

/** An input of a chunk that failed, by its place in the report. */
export interface Failure {
  readonly offset: number;
  readonly cause: unknown;
  /** Given where the input or the result could not cross: where in it, and why. */
  readonly untransferable?:
    | {
        readonly what: 'input' | 'result';
        readonly path: string;
        readonly why: string;
      }
    | undefined;
  /** True if the task has returned after its `taskTimeout`. Default: false. */
  readonly expired?: boolean;
}

/**
 * The outcome of the next `count` inputs of a chunk: `rows` of those that succeeded, `failures` of the others.
 *
 * `columnBatch(rows)` makes the batch of an array of rows; `noRows` is the empty one.
 */
export interface Report {
  readonly count: number;
  readonly rows: ColumnBatch;
  readonly failures: readonly Failure[];
  /** Milliseconds that the task took for these inputs, without the way there and back. */
  readonly elapsed: number;
}

/** The amount of work that is worth one trip to a worker. */
export interface ChunkPolicy {
  /** Milliseconds of work that a chunk should hold. An executor may hand back what a worker has not begun after them. */
  readonly timeSlice: number;
  /** The most inputs in a chunk: a whole number from 1. */
  readonly maxInputs: number;
}

/** The cost of a chunk, some 0.1 ms, is 1 % of this, and a cancelled run lets go within it (`bench/constants.ts`). */
export const TIME_SLICE_MS = 8;

/** More make a chunk's memory outgrow the caches, and the main thread's share of it uneven (`bench/constants.ts`). */
const MAX_INPUTS = 16_384;

/** The policy of an executor that names none. */
export const defaultChunkPolicy: ChunkPolicy = { timeSlice: TIME_SLICE_MS, maxInputs: MAX_INPUTS };

/**
 * Owns workers and runs chunks on them: the term is that of Python's `concurrent.futures`.
 *
 * Three members are enough for an executor of your own: `parallelism`, `run` and `close`. The others are capabilities
 * that may be left out. The contract suite of `rx-parfor/testing` says whether one keeps its promises.
 */
export interface Executor {
  /** The number of chunks that can run at once, a whole number from 1. It may change while a run is under way, see `changes`. */
  readonly parallelism: number;
  /**
   * Runs a chunk. Cold: subscribing starts it. It emits what has settled, front to back; completes when the worker is
   * free again, also before all inputs have run (the rest is then given out anew); unsubscribing cancels.
   *
   * It errors with `WorkerLostError` or `ChunkTimeoutError` where the worker is gone: what was not reported runs again,
   * one by one. Any other error ends the run.
   */
  run(chunk: Chunk): Observable<Report>;
  /** Ends the workers. Runs that are under way end with an `ExecutorClosedError`. */
  close(): Promise<void>;

  /** The size that chunks should have. Default: 8 ms of work, at most 16,384 inputs. */
  readonly chunkPolicy?: ChunkPolicy | undefined;
  /** Emits when `parallelism` has changed, whatever the value. Default: it never does. */
  readonly changes?: Observable<unknown> | undefined;
  /** Gives a busy worker its next chunk ahead of time. Default: a worker waits for its next chunk. */
  readonly prefetching?: Prefetching | undefined;
  /**
   * Returns a function that calls a run's task in this thread, one input at a time and without a chunk, which costs more
   * than a quick task does. Default: every input goes in a chunk.
   */
  direct?(run: Run): DirectCall;
  /** Returns true if a chunk that was subscribed to still waits for a worker; progress does not count it as running. */
  isWaiting?(chunk: Chunk): boolean;
  /** Takes in what workers have said so far: a source that pushes for long keeps the event loop from doing so. */
  poll?(): void;
  /** Forgets what it knows of a run that is over: no chunk of it will come any more. */
  forget?(run: Run): void;
}

/** The capability of giving a busy worker one chunk more than it runs, so that it need not wait for the next one. */
export interface Prefetching {
  /** Runs a chunk as `run` does, on the worker of another chunk of the same run that is under way, after that one. */
  run(chunk: Chunk, after: Chunk): Observable<Report>;
  /**
   * Completes a chunk that waits after another, at once, where nothing of it has run: its inputs go elsewhere. Without
   * it, tasks longer than a time slice are not given ahead.
   */
  recall?(chunk: Chunk): void;
}

/** Calls a task with one input. Returns false, and calls nothing, where the input has to wait: it goes in a chunk then. */
export type DirectCall = (input: unknown, listener: DirectListener) => boolean;

/** Hears, within a direct call, what becomes of its input. */
export interface DirectListener {
  /** The task has returned a row. */
  returned(row: unknown): void;
  /**
   * The task has failed, or is async: the input is a chunk of its own from here on, whose reports these are. They must be
   * subscribed to, also where nobody waits for them.
   */
  goesOn(reports: Observable<Report>): void;
  /** The executor was closed meanwhile: nothing but this counts, and the run ends with this error. */
  failed(error: unknown): void;
}

/** The worker died before it had reported all of the chunk. */
export class WorkerLostError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'WorkerLostError', 'RX_PARFOR_WORKER_LOST');
  declare readonly code: 'RX_PARFOR_WORKER_LOST';

  constructor(
    readonly exit: WorkerExit,
    /** True if it died before it ran anything: no input is to blame then, and the executor ends it if that goes on. */
    readonly atStart = false,
  ) {
    super(exit.reason);
  }
}

/** A task of the chunk passed its `taskTimeout`, and its worker was ended. */
export class ChunkTimeoutError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'ChunkTimeoutError', 'RX_PARFOR_CHUNK_TIMEOUT');
  declare readonly code: 'RX_PARFOR_CHUNK_TIMEOUT';
}

/** A run was started on an executor that was closed, or was under way when it closed. */
export class ExecutorClosedError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'ExecutorClosedError', 'RX_PARFOR_EXECUTOR_CLOSED');
  declare readonly code: 'RX_PARFOR_EXECUTOR_CLOSED';

  constructor() {
    super('the executor is closed; run on one that is open, or close it after the run has ended');
  }
}
