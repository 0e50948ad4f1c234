import type { OperatorFunction } from 'rxjs';
import { emitRows } from '../lib/dispatch/emitRows.js';
import { runTaskOn } from '../lib/dispatch/runTaskOn.js';
import { inline } from '../lib/executors/inline.js';
import { type MapOptions, type OptionsOf, planOf } from '../lib/options/mapOptions.js';
import type { Args, InputOf, Kwargs, TaskOf, Uninferred } from '../lib/task/parameters.js';
import type { AnyRow, Task } from '../lib/task/task.js';

/**
 * Runs a task for every input one after another in this thread and emits one row per input: the serial twin of
 * `parallelMap`, to compare with and to debug by.
 *
 * The same signature, rows, errors and progress; options that make a run parallel (`executor`, `concurrency`, `chunk`)
 * change nothing. Closures work, and values of any kind, as nothing crosses to a worker. Where the source and the task
 * are synchronous all of it is, as of `map`; an async task is awaited before the next one starts, as of `concatMap`:
 *
 * ```text
 * source:  abc|
 *          serialMap(task)
 * task a:  ---(A|)
 * task b:     -(B|)
 * task c:      --(C|)
 * result:  ---AB-(C|)
 * ```
 *
 * @param task called as `task(input, ...args, kwargs)`, with `spread` as `task(...input, ...args, kwargs)`; it may be async
 * @param options as of `parallelMap`; a synchronous task cannot be interrupted, so `taskTimeout` is for async ones
 * @returns an operator from inputs to rows
 * @throws TypeError, RangeError for a wrong task or option, when it is called and not when it is subscribed to
 * @example
 * import { range } from 'rxjs';
 * import { serialMap } from 'rx-parfor';
 *
 * const offset = 10;
 * range(0, 3)
 *   .pipe(serialMap(x => x + offset))
 *   .subscribe(row => console.log(row));
 * console.log('all there');
 * // 10
 * // 11
 * // 12
 * // all there
 * @see QuTiP's `serial_map`; RxJS's `map` and `concatMap`
 */
export function serialMap<
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
export function serialMap(task: Task, options?: MapOptions): OperatorFunction<unknown, unknown> {
  // Where a run would be parallel is no matter here: the same options serve both twins.
  const plan = planOf('serialMap', task, options, { concurrency: 1, chunk: 1 });
  return source =>
    source.pipe(
      runTaskOn(() => inline(), task, plan),
      emitRows(),
    );
}
