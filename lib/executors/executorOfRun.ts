import { RunInWorkerError } from '../errors.js';
import type { Executor } from '../executor.js';
import { workerState } from '../protocol/workerState.js';
import { defaultExecutor } from './defaultExecutor.js';
import { isInline } from './inline.js';

// A worker that loads this can be asked to start runs.
workerState()?.watch();

/**
 * Returns the executor of a run that begins now.
 * @throws RunInWorkerError where this is a worker and none of its tasks begins the run: each worker would begin it again
 */
export function executorOfRun(given: Executor | undefined): Executor {
  const state = workerState();
  // What was asked to stay in this thread harms nobody.
  if (state && !state.isInTask() && !isInline(given)) {
    const fault =
      state.loading === undefined
        ? 'a run was started in a worker by what the module of a task has left running as it was loaded, or in a callback of that (give a run that a task waits for `executor: inline()`)'
        : `the module ${state.loading} starts a run as it is loaded, and every worker loads it for its task`;
    const error = new RunInWorkerError(
      `${fault}; put the task into a module of its own, or start the run only \`if (!inWorker)\`, which rx-parfor and rx-parfor/task export`,
    );
    state.refused(error);
    throw error;
  }
  return given ?? defaultExecutor();
}
