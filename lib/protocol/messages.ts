/** Messages between an executor and its workers. Types only: either side may be replaced. */

import type { ColumnBatch } from './columnBatch.js';

/** Memory and ports that can be transferred to another thread. */
export type Transferable = ArrayBuffer | import('node:worker_threads').MessagePort;

/** A function of a module, as whoever imports the module finds it. */
export interface ModuleReference {
  readonly kind: 'module';
  readonly name: string;
  readonly url: string;
}

/** A column batch on its way. `tag` is there if some values were encoded, and marks those. */
export interface ColumnBatchMessage extends ColumnBatch {
  readonly tag?: object | undefined;
  /** The functions that its values hold, which name them by their places in this list. */
  readonly functions?: readonly ModuleReference[] | undefined;
}

/** A task, as a worker finds it. */
export type TaskReference =
  | {
      readonly kind: 'source';
      readonly name: string;
      readonly source: string;
      /** The file from which its `import()` finds modules, where it has one and that is known. */
      readonly from?: string | undefined;
    }
  | ModuleReference;

/** Everything that the chunks of a run share. It travels to a worker once and is named by `id` from then on. */
export interface RunDefinition {
  readonly id: number;
  readonly task: TaskReference;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>> | undefined;
  readonly spread: boolean;
  readonly tag: object;
  /** The functions that `args` and `kwargs` hold, which name them by their places in this list. */
  readonly functions: readonly ModuleReference[];
}

/** Starts a worker. Like all messages, it has each property itself: what is inherited is never read. */
export interface StartMessage {
  /** A thread's way back; a process has its channel. */
  readonly port: import('node:worker_threads').MessagePort | undefined;
  /** The number of workers above it, with itself. */
  readonly depth: number;
  /** One number, which changes as time passes while the worker has a chunk of several inputs. Shared memory: threads only. */
  readonly pulse: Int32Array | undefined;
}

/** One chunk, as a worker is told to run it. */
export interface ChunkMessage {
  /** The chunk's own number among those of its worker. */
  readonly number: number;
  /** The run's definition. */
  readonly id: number;
  /** The definition behind `id`, if this worker has not had it yet. */
  readonly definition: RunDefinition | undefined;
  readonly inputs: ColumnBatchMessage;
  /** Milliseconds after which the worker starts no further input of this chunk. */
  readonly timeSlice: number;
  /** Milliseconds for one task. If it is set, the worker says when tasks run and when they do not. */
  readonly taskTimeout: number | undefined;
  /** One of `chunkState`, changed by both sides. Shared memory: threads only. */
  readonly state: Int32Array | undefined;
  /** True if the results go on to another process: no memory may be shared or transferred in them. */
  readonly remote: boolean;
}

/** One input that has failed, by the place that it has in its report. */
export interface FailureMessage {
  readonly offset: number;
  /** The thrown value, encoded. */
  readonly cause: unknown;
  /** Set if it was the input or the result that cannot cross. */
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

/** Tells a worker that has started what to do. */
export interface WorkerCommand {
  /** The next chunk. */
  readonly chunk: ChunkMessage | undefined;
  /** Definitions to forget. */
  readonly forget: readonly number[] | undefined;
  /** A chunk that nobody waits for any more. */
  readonly cancel: number | undefined;
}

/** Tells an executor what its worker does. */
export type WorkerMessage =
  /** It has started and listens. */
  | { readonly kind: 'ready' }
  /** A process has begun the chunk. Of a thread, shared memory says so. */
  | { readonly kind: 'begun' }
  /** It has loaded the run's task, the first time that it was given it. */
  | { readonly kind: 'loaded' }
  /** A task runs from now on. */
  | { readonly kind: 'started' }
  /** The task has returned; the next one starts after the report that follows. */
  | { readonly kind: 'returned' }
  | ReportMessage
  | EndMessage
  /** An error that no task is to blame for. */
  | { readonly kind: 'stray'; readonly error: unknown; readonly tag: object }
  /** An error that nobody caught while a chunk ran: the worker ends. */
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

/** The chunk has ended without a last report. `notRunnable` says why, if the task could not be run at all. */
export interface EndMessage {
  readonly kind: 'end';
  readonly notRunnable: NotRunnable | undefined;
}

/** An error that is not of one input, encoded. */
export interface NotRunnable {
  readonly error: unknown;
  readonly tag: object;
}
