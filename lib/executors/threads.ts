import type { ResourceLimits } from 'node:worker_threads';
import type { Executor } from '../executor.js';
import { checkOptions } from '../runtime/checkOptions.js';
import { WorkerPool } from './pool/workerPool.js';
import { executorRules, parallelismOf, threadArguments, type WorkerOptions } from './workerOptions.js';

/** Options of `threads()`; the names are Tinypool's. */
export interface ThreadsOptions extends WorkerOptions {
  /** Limits of each thread's heap and stack, as of Node's `Worker`. Default: Node's. */
  resourceLimits?: ResourceLimits;
}

/**
 * An executor of worker threads, on Tinypool.
 *
 * Threads start when a run needs them, in 20 to 45 ms each, and stay for later runs. They keep no process alive, and
 * end with `close()`, `await using`, or after `idleTimeout`.
 * @throws TypeError, RangeError for wrong options
 * @example
 * await using pool = threads({ maxThreads: 2 });
 * await lastValueFrom(range(0, 10).pipe(parfor(x => [x, x ** 2], { executor: pool })));
 */
export function threads(options: ThreadsOptions = {}): Executor & AsyncDisposable {
  const given = checkOptions<ThreadsOptions>('threads', options, executorRules);
  const { maxThreads, idleTimeout = Infinity, env, execArgv, resourceLimits } = given;
  return new WorkerPool({
    runtime: 'worker_threads',
    ...parallelismOf(maxThreads),
    idleTimeout,
    ...threadArguments(execArgv),
    ...(env && { env }),
    ...(resourceLimits && { resourceLimits }),
  });
}
