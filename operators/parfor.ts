import { Observable, type OperatorFunction } from 'rxjs';
import { type Columns, ColumnsBuilder, type ReducedRow } from '../lib/columns/columns.js';
import { operate } from '../lib/dispatch/operate.js';
import { ReorderBuffer } from '../lib/dispatch/reorderBuffer.js';
import { runTask } from '../lib/dispatch/runTask.js';
import type { SettledBatch } from '../lib/dispatch/settledBatch.js';
import type { TaskError } from '../lib/errors.js';
import { type MapOptions, type OptionsOf, type Plan, planOf } from '../lib/options/mapOptions.js';
import type { Args, InputOf, Kwargs, TaskOf, Uninferred } from '../lib/task/parameters.js';
import type { AnyRow, Task } from '../lib/task/task.js';

/** Returns the index of each row of a batch, among failures that have none: they are by index. */
const indexAmong = (first: number, failures: readonly TaskError[]) => (row: number) => {
  let index = first + row;
  for (const failure of failures) if ((failure.index as number) <= index) index += 1;
  return index;
};

/**
 * Collects batches in columns, as `toColumns` does rows, without making rows of them.
 *
 * The run that makes them is unordered: nobody sees a row before the end, so no worker need wait for a slow first one.
 */
const batchesToColumns =
  ({ ordered }: Plan): OperatorFunction<SettledBatch, unknown> =>
  source =>
    new Observable(subscriber => {
      const columns = new ColumnsBuilder();
      const add = ({ first, rows, failures }: SettledBatch) =>
        columns.addBatch(rows, first, failures.length === 0 ? undefined : indexAmong(first, failures));
      const reorderBuffer = ordered ? new ReorderBuffer(add) : { add };
      operate(source, {
        destination: subscriber,
        next: batch => reorderBuffer.add(batch),
        complete: () => {
          subscriber.next(columns.finish());
          subscriber.complete();
        },
      });
    });

/**
 * Runs a task for every input in parallel and emits, once and on completion, the results as columns.
 *
 * Rows that are tuples give an array of columns, rows that are plain objects an object of columns, any other row one column.
 * A column that has only numbers is a `Float64Array`, any other a plain array, nothing coerced. No rows give `[]`. It is
 * `parallelMap` and then `toColumns`, but numbers stay packed as they came from the workers, and no rows are made of them.
 *
 * It errors as `parallelMap` does, then without columns, also with `failFast: false`; and with a `TypeError` at the first row
 * whose shape differs. With two workers:
 *
 * ```text
 * source:  abcd|
 *          parfor(task, { concurrency: 2 })
 * task a:  -----A|
 * task b:   -B|
 * task c:     -C|
 * task d:       -----D|
 * result:  -----------(r|)
 *
 * r:  ['A', 'B', 'C', 'D']
 * ```
 *
 * @param task as of `parallelMap`; all that it returns must be of one shape
 * @param options as of `parallelMap`; with `ordered: false` the columns are in completion order. Nobody sees a row before the
 * end, so a slow first one holds nobody up, and `maxBuffered` bounds only the inputs that wait for their next try
 * @returns an operator from inputs to the columns
 * @throws TypeError, RangeError for a wrong task or option, when it is called and not when it is subscribed to
 * @example
 * import { range } from 'rxjs';
 * import { parfor } from 'rx-parfor';
 *
 * range(0, 4)
 *   .pipe(parfor(x => [x, x ** 2, `#${x}`]))
 *   .subscribe(([x, square, label]) => console.log(x, square, label));
 * // Float64Array(4) [ 0, 1, 2, 3 ] Float64Array(4) [ 0, 1, 4, 9 ] [ '#0', '#1', '#2', '#3' ]
 * @see QuTiP's `parfor` (columns out of a loop), after MATLAB's
 */
export function parfor<
  T = unknown,
  R = AnyRow,
  A extends Args = [],
  K extends Kwargs = never,
  S extends boolean = false,
  F extends Task = Uninferred,
>(
  task: TaskOf<F, T, R, A, K, S, ReducedRow<F, R>>,
  options?: OptionsOf<F, T, A, K, S>,
): OperatorFunction<InputOf<T, F, A, K, S>, Columns<R>>;
export function parfor(task: Task, options?: MapOptions): OperatorFunction<unknown, unknown> {
  const plan = planOf('parfor', task, options);
  return source => source.pipe(runTask(task, { ...plan, ordered: false }), batchesToColumns(plan));
}
