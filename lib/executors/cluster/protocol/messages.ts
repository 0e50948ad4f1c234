/** The messages between clients and workers. Types only; `validate.ts` checks what is read. */

import type { ColumnBatchMessage, ReportMessage } from '../../../protocol/messages.js';

/** A function of a module, as a worker of another host finds it. */
export interface ClusterFunction {
  readonly kind: 'module';
  readonly name: string;
  /** Relative to the project's root, with slashes. */
  readonly path: string;
  /** The SHA-256 of the module's file; `''` where the sender has no such file. */
  readonly hash: string;
}

/** The task, as a worker of another host finds it. */
export type ClusterTask =
  | { readonly kind: 'source'; readonly name: string; readonly source: string }
  | ClusterFunction;

/** The definition of a run: what its chunks share. */
export interface DefinitionPayload {
  readonly task: ClusterTask;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>> | undefined;
  readonly spread: boolean;
  readonly taskTimeout: number | undefined;
  /** Marks what was encoded in `args` and `kwargs`. */
  readonly tag: object;
  /** The functions that `args` and `kwargs` hold. */
  readonly functions: readonly ClusterFunction[];
}

/** The inputs of a chunk. */
export interface ChunkPayload {
  readonly inputs: ColumnBatchMessage;
  /** The functions that the inputs hold. */
  readonly functions: readonly ClusterFunction[];
}

/** The way in which a chunk ended on its worker. */
export type ChunkEnd =
  /** The worker is free again. */
  | { readonly kind: 'done' }
  /** The worker has not found the run's definition. */
  | { readonly kind: 'definition missing' }
  /** A task passed its `taskTimeout`. */
  | { readonly kind: 'expired' }
  /** The thread died. */
  | {
      readonly kind: 'lost';
      readonly exitCode: number | undefined;
      readonly reason: string;
      readonly startup: boolean;
      readonly cause: unknown;
      readonly tag: object;
    }
  | { readonly kind: 'notRunnable'; readonly error: unknown; readonly tag: object }
  | { readonly kind: 'refused'; readonly why: string };

/** Reports of a chunk that follow one another. */
export interface ReportsPayload {
  /** The number of inputs of the chunk that were reported before. */
  readonly from: number;
  readonly reports: readonly ReportMessage[];
  readonly end?: ChunkEnd | undefined;
}

/** A job's data in BullMQ: it names a chunk. */
export interface JobData {
  readonly client: string;
  readonly run: number;
  readonly chunk: number;
}

/** A client's heartbeat: it says what the client waits for. */
export interface ClientHeartbeat {
  /** The last chunk that was sent. */
  readonly lastChunk: number;
  /** The chunks that the client waits for. */
  readonly chunks: readonly number[];
  /** The last run that was sent. */
  readonly lastRun: number;
  /** The runs that are under way. */
  readonly runs: readonly number[];
}

/** A worker's heartbeat: it says what the worker runs. */
export interface WorkerHeartbeat {
  readonly threads: number;
  /** Host and process id. */
  readonly address: string;
  /** The number of this heartbeat. */
  readonly count: number;
  /** The jobs whose chunks the worker has, as `client-chunk`. */
  readonly chunks: readonly string[];
}

/** A message of a client to all workers: chunks that nobody waits for any more, and runs that are over. */
export interface Cancelled {
  readonly client: string;
  readonly chunks: readonly number[];
  readonly runs: readonly number[];
}
