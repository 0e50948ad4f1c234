import type { OperatorFunction } from 'rxjs';
import { emitRows } from '../lib/dispatch/emitRows.js';
import { runTask } from '../lib/dispatch/runTask.js';
import { type MapOptions, type OptionsOf, planOf } from '../lib/options/mapOptions.js';
import type { Args, InputOf, Kwargs, TaskOf, Uninferred } from '../lib/task/parameters.js';
import type { AnyRow, Task } from '../lib/task/task.js';

/**
 * Runs a task for every input, on as many workers as there are cores, and emits one row per input.
 *
 * Rows come in input order, each as soon as all before it are there, or with `ordered: false` in completion order. It
 * completes when the source has completed and every task has returned. Unsubscribing lets go of the source and stops the
 * work. A source that pushes is never slowed: its inputs wait here; a `sweep` is read only as fast as workers take it.
 *
 * It errors as soon as the source does or a task fails for good, with the `TaskError` of that input; `failFast: false` puts
 * that off until all has run. With two workers:
 *
 * ```text
 * source:  abcd|
 *          parallelMap(task, { concurrency: 2 })
 * task a:  -----A|
 * task b:   -B|
 * task c:     -C|
 * task d:       -----D|
 * result:  -----(ABC)D|
 * ```
 *
 * ```text
 * source:  abcd|
 *          parallelMap(task, { concurrency: 2, ordered: false })
 * task a:  -----A|
 * task b:   -B|
 * task c:     -C|
 * task d:       -----D|
 * result:  --B-CA----D|
 * ```
 *
 * @param task called as `task(input, ...args, kwargs)`, with `spread` as `task(...input, ...args, kwargs)`; it may be
 * async. It is shipped to workers as its source, unless `task()` has marked it or the executor is `inline()`
 * @param options how the run goes; all have defaults
 * @returns an operator from inputs to rows: what the task returns, or its promise resolves to
 * @throws TypeError, RangeError for a wrong task or option, when it is called and not when it is subscribed to
 * @example
 * import { range } from 'rxjs';
 * import { parallelMap } from 'rx-parfor';
 *
 * range(0, 4)
 *   .pipe(parallelMap((x, { power }) => x ** power, { kwargs: { power: 3 } }))
 *   .subscribe(row => console.log(row));
 * // 0
 * // 1
 * // 8
 * // 27
 * @see QuTiP's `parallel_map` (signature and rows), RxJS's `mergeMap` (concurrency), Python's `Pool.imap` (chunks)
 */
export function parallelMap<
  T = unknown,
  R = AnyRow,
  A extends Args = [],
  K extends Kwargs = never,
  S extends boolean = false,
  F extends Task = Uninferred,
>(
  task: TaskOf<F, T, R, A, K, S>,
  options?: OptionsOf<F, T, A, K, S>,
): OperatorFunction<InputOf<T, F, A, K, S>, R>;
export function parallelMap(task: Task, options?: MapOptions): OperatorFunction<unknown, unknown> {
  const plan = planOf('parallelMap', task, options);
  return source => source.pipe(runTask(task, plan), emitRows());
}
