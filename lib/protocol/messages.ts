/** The messages between an executor and its workers. Types only: either side may be replaced. */

import type { ColumnBatch } from './columnBatch.js';

/** An object that can be moved to another thread. */
export type Transferable = ArrayBuffer | import('node:worker_threads').MessagePort;

/** A column batch on its way: `tag` is there where some value was encoded, and marks which ones were. */
export interface ColumnBatchMessage extends ColumnBatch {
  readonly tag?: object | undefined;
}

/** The place where a worker finds the task. */
export type TaskReference =
  | { readonly kind: 'source'; readonly name: string; readonly source: string }
  | { readonly kind: 'module'; readonly name: string; readonly url: string };

/** The part that the chunks of a run share; it travels to a worker once and is named by `id` from then on. */
export interface RunDefinition {
  readonly id: number;
  readonly task: TaskReference;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>> | undefined;
  readonly spread: boolean;
  readonly tag: object;
}

/** The message that starts a worker. Like all messages, it has each property itself: what is inherited is never read. */
export interface StartMessage {
  /** A thread's way back. */
  readonly port: import('node:worker_threads').MessagePort | undefined;
}

/** One chunk, as a worker is told to run it. */
export interface ChunkMessage {
  /** The chunk's own number among those of its worker. */
  readonly number: number;
  /** The run's definition. */
  readonly id: number;
  /** The definition behind `id`, where this worker has not had it yet. */
  readonly definition: RunDefinition | undefined;
  readonly inputs: ColumnBatchMessage;
  /** Milliseconds after which the worker starts no further input of this chunk. */
  readonly timeSlice: number;
  /** Milliseconds for one task. With it the worker says when tasks run and when they do not. */
  readonly taskTimeout: number | undefined;
  /** One of `chunkState`, changed by both sides. Shared memory: threads only. */
  readonly state: Int32Array | undefined;
  /** True if the results go on to another process: no memory may be shared or moved in them. */
  readonly remote: boolean;
}

/** A thrown value, made fit to cross; `path` and `why` are there where it is the result that cannot cross. */
export interface FailureMessage {
  readonly offset: number;
  readonly cause: unknown;
  readonly untransferable:
    | {
        readonly what: 'input' | 'result';
        readonly path: string;
        readonly why: string;
      }
    | undefined;
  /** True if the task has returned after its `taskTimeout`. */
  readonly expired: boolean;
}

/** A message to a worker that has started. */
export interface WorkerCommand {
  /** The next chunk. */
  readonly chunk: ChunkMessage | undefined;
  /** Definitions to let go of. */
  readonly forget: readonly number[] | undefined;
  /** A chunk that nobody waits for any more. */
  readonly cancel: number | undefined;
}

/** A message of a worker. */
export type WorkerMessage =
  /** It has started and listens. */
  | { readonly kind: 'ready' }
  /** It has taken up the chunk. Of threads shared memory says so. */
  | { readonly kind: 'begun' }
  /** It has loaded the run's task, the first time that it was given it. */
  | { readonly kind: 'loaded' }
  /** A task runs from now on. */
  | { readonly kind: 'started' }
  /** The task has returned; the next one starts after the report that follows. */
  | { readonly kind: 'returned' }
  | ReportMessage
  | EndMessage
  | { readonly kind: 'stray'; readonly error: unknown; readonly tag: object }
  | { readonly kind: 'fatal'; readonly error: unknown; readonly tag: object };

/** The next inputs of the chunk that have settled. */
export interface ReportMessage {
  readonly kind: 'report';
  readonly count: number;
  readonly rows: ColumnBatchMessage;
  readonly failures: readonly FailureMessage[];
  /** Marks what was encoded in the failures. */
  readonly tag: object;
  /** Milliseconds that the task took for these inputs. */
  readonly elapsed: number;
  /** True if the chunk has ended with this: the worker goes on to the next one. */
  readonly last: boolean;
}

/** The chunk has ended without a last report; with why the task could not be run at all, where that is so. */
export interface EndMessage {
  readonly kind: 'end';
  readonly notRunnable: NotRunnable | undefined;
}

/** An error that is not of one input, made fit to cross. */
export interface NotRunnable {
  readonly error: unknown;
  readonly tag: object;
}
