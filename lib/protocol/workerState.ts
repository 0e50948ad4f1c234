/**
 * The state of a worker, as far as it concerns the runs that code in it starts. That code may have another copy of this
 * library than the worker itself, so it is found by a symbol.
 */
export interface WorkerState {
  /** The number of workers above it, with itself: 1 where the program has started it. */
  readonly depth: number;
  /** The module of a task that is being loaded. */
  readonly loading: string | undefined;
  /** Notes that runs can be started in this worker at all: it need not watch its tasks before. */
  watch(): void;
  /** True if code that runs now is a task's, as far as is known. */
  isInTask(): boolean;
  /** Notes that a run was refused. */
  refused(error: Error): void;
}

const key = Symbol.for('rx-parfor.worker');

/** Returns the state of this worker; `undefined` where this is none. */
export const workerState = (): WorkerState | undefined => (globalThis as { [key]?: WorkerState })[key];

/** Makes this thread or process a worker. */
export function setWorkerState(state: WorkerState): void {
  (globalThis as { [key]?: WorkerState })[key] = state;
}
