export type { Column, Columns } from './lib/columns/columns.js';
export {
  type FailedInput,
  MapError,
  NotTransferableError,
  RunInWorkerError,
  TaskError,
  TaskNotFoundError,
  TaskTimeoutError,
  type ValueRole,
  WorkerCrashError,
  type WorkerExit,
} from './lib/errors.js';
export type {
  Chunk,
  ChunkPolicy,
  DirectCall,
  DirectListener,
  Executor,
  Failure,
  Prefetching,
  Report,
  Run,
} from './lib/executor.js';
export { ChunkTimeoutError, ExecutorClosedError, WorkerLostError } from './lib/executor.js';
export { type InlineOptions, inline } from './lib/executors/inline.js';
export { type ProcessesOptions, processes } from './lib/executors/processes.js';
export { type ThreadsOptions, threads } from './lib/executors/threads.js';
export type { MapOptions, RetryOptions } from './lib/options/mapOptions.js';
export { type ProgressBar, type ProgressBarOptions, progressBar } from './lib/progress/progressBar.js';
export type { Progress } from './lib/progress/progressMeter.js';
export type { BatchColumn, BatchShape, ColumnBatch } from './lib/protocol/columnBatch.js';
export { columnBatch, noRows } from './lib/serialization/columnBatch.js';
export { type ClassCodec, registerClass } from './lib/serialization/registerClass.js';
export { transfer } from './lib/serialization/transfer.js';
export { grid } from './lib/sources/grid.js';
export { linspace } from './lib/sources/linspace.js';
export { type Sweep, type SweepOptions, sweep } from './lib/sources/sweep.js';
export { inWorker } from './lib/task/inWorker.js';
export { type Task, task } from './lib/task/task.js';
export { parallelMap } from './operators/parallelMap.js';
export {
  type FulfilledRow,
  parallelMapSettled,
  type RejectedRow,
  type SettledRow,
} from './operators/parallelMapSettled.js';
export { parfor } from './operators/parfor.js';
export { serialMap } from './operators/serialMap.js';
export { toColumns } from './operators/toColumns.js';
