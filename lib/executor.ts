import type { Observable } from 'rxjs';
import type { WorkerExit } from './errors.js';
import type { Packed } from './protocol/messages.js';
import type { Task } from './task/task.js';

/** What the chunks of one subscription share. One object for the whole run: an executor may key its own state by it. */
export interface Run {
  readonly task: Task;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>> | undefined;
  readonly spread: boolean;
  /** How many chunks the run has on their way at most. */
  readonly concurrency: number;
  /** Milliseconds for one task, from its start; `undefined` for no limit. */
  readonly taskTimeout: number | undefined;
}

/** Consecutive inputs for one worker. */
export interface Chunk {
  readonly run: Run;
  /** The index of the first input. */
  readonly first: number;
  /** Until the chunk has ended; the memory of numbers serves others then. */
  readonly inputs: ArrayLike<unknown>;
}

/** An input of a chunk that failed, by its place in the report. */
export interface Failure {
  readonly offset: number;
  readonly cause: unknown;
  /** There where the input or the result could not cross. */
  readonly untransferable?:
    | {
        readonly what: 'input' | 'result';
        readonly path: string;
        readonly why: string;
      }
    | undefined;
  /** Whether the task has returned after its `taskTimeout`. Default: false. */
  readonly expired?: boolean;
}

/** The next `count` inputs of a chunk have settled: `rows` of those that did not fail, `failures` of the others. */
export interface Report {
  readonly count: number;
  readonly rows: Packed;
  readonly failures: readonly Failure[];
  /** Milliseconds that the task took for these inputs, without the way there and back. */
  readonly elapsed: number;
}

/** How much work is worth one trip to a worker. */
export interface Lease {
  /** Milliseconds of work that a chunk should hold; the worker starts no further input after them. */
  readonly slice: number;
  /** The most inputs in a chunk. */
  readonly limit: number;
  /**
   * Whether a worker may be given one chunk more than it runs, `behind` the other, so that it need not wait for the next
   * one. Default: false.
   */
  readonly ahead?: boolean;
}

/**
 * What owns workers and runs chunks on them.
 *
 * The term is that of Python's `concurrent.futures`. An executor of your own works wherever these do.
 */
export interface Executor {
  /** How many chunks can run at once. It may change while a run is under way. */
  readonly parallelism: number;
  /** Emits when `parallelism` has changed, whatever the value. Default: it never does. */
  readonly changes?: Observable<unknown>;
  readonly lease: Lease;
  /**
   * Runs a chunk. Cold: subscribing starts it. It emits what has settled, front to back; completes when the worker is
   * free again, also before all inputs have run (the rest is then given out anew); unsubscribing cancels.
   *
   * It errors with `WorkerLost` or `LeaseExpired` where the worker is gone: what was not reported runs again, one by
   * one. Any other error ends the run.
   * @param behind only with `lease.ahead`: a chunk of the same run that is under way; this one runs on the same worker,
   * after it
   */
  run(chunk: Chunk, behind?: Chunk): Observable<Report>;
  /** Completes a chunk that waits `behind` another, at once, where nothing of it has run: its inputs go elsewhere. */
  recall?(chunk: Chunk): void;
  /** Whether a chunk that was subscribed to waits for a worker still, which progress does not count as running. */
  isWaiting?(chunk: Chunk): boolean;
  /** Takes in what workers have said so far: a source that pushes for long keeps the event loop from doing so. */
  poll?(): void;
  /** Is told when a run is over: no chunk of it will come any more. */
  release?(run: Run): void;
  /** Ends the workers. Runs that are under way end with an error. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The worker died before it had reported all of the chunk. */
export class WorkerLost extends Error {
  constructor(
    readonly exit: WorkerExit,
    /** Whether it died before it ran anything: no input is to blame then, and the executor ends it if that goes on. */
    readonly atStart = false,
  ) {
    super(exit.reason);
  }
}

/** A task of the chunk passed `taskTimeout`, and its worker was ended. */
export class LeaseExpired extends Error {}

/** A run on an executor that was closed. */
export class ExecutorClosedError extends Error {
  constructor() {
    super('the executor is closed; run on one that is open, or close it after the run has ended');
    this.name = 'ExecutorClosedError';
  }
}
