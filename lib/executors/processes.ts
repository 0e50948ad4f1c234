import type { ResourceLimits } from 'node:worker_threads';
import type { Executor } from '../executor.js';
import { parentVariable } from '../protocol/parentVariable.js';
import { checkOptions, ofType } from '../runtime/checkOptions.js';
import { WorkerPool } from './pool/workerPool.js';
import { executorRules, parallelismOf, processArguments, type WorkerOptions } from './workerOptions.js';

/** Options of `processes()`; the names are Tinypool's. */
export interface ProcessesOptions extends WorkerOptions {
  /** The limit of each child's heap, in MB. Default: Node's. */
  resourceLimits?: Pick<ResourceLimits, 'maxOldGenerationSizeMb'>;
}

/**
 * An executor of child processes, on Tinypool.
 *
 * For tasks that may bring their process down (native add-ons), or that change global state such as the working folder.
 * A trip costs some times more than to a thread, and memory is never shared. They end with `close()`, `await using`, or
 * after `idleTimeout`.
 * @throws TypeError, RangeError for wrong options
 * @example
 * await using pool = processes({ maxThreads: 2 });
 * await lastValueFrom(range(0, 4).pipe(parallelMap(() => process.pid, { executor: pool }), toArray()));
 */
export function processes(options: ProcessesOptions = {}): Executor & AsyncDisposable {
  const given = checkOptions<ProcessesOptions>('processes', options, {
    ...executorRules,
    resourceLimits: ofType(
      '{ maxOldGenerationSizeMb } (processes know no other limit)',
      value =>
        typeof value === 'object' &&
        value !== null &&
        Object.keys(value).every(key => key === 'maxOldGenerationSizeMb'),
    ),
  });
  const { maxThreads, idleTimeout = Infinity, env, execArgv, resourceLimits } = given;
  const heap = resourceLimits?.maxOldGenerationSizeMb;
  return new WorkerPool({
    runtime: 'child_process',
    ...parallelismOf(maxThreads),
    idleTimeout,
    execArgv: [
      ...processArguments(execArgv),
      ...(heap === undefined ? [] : [`--max-old-space-size=${heap}`]),
    ],
    // A child gets what it is given and nothing else: without its PATH it would find no program.
    env: { ...(env ?? (process.env as Record<string, string>)), [parentVariable]: String(process.pid) },
  });
}
