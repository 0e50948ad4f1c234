import type { Executor } from '../executor.js';
import { workerState } from '../protocol/workerState.js';
import { inline } from './inline.js';
import { threads } from './threads.js';

/** The shared executor's idle workers end after this many ms. */
const IDLE_TIMEOUT_MS = 5_000;

let shared: Executor | undefined;

/** One executor for all runs that name none: threads, or inside a worker that worker itself. */
export function defaultExecutor(): Executor {
  // One for each run there: a task that waits for a run of its own must not keep that one from running.
  if (workerState()) return inline();
  shared ??= threads({ idleTimeout: IDLE_TIMEOUT_MS });
  return shared;
}
