import { Observable, type OperatorFunction } from 'rxjs';
import { operate } from '../lib/dispatch/operate.js';
import { runTask } from '../lib/dispatch/runTask.js';
import type { SettledBatch } from '../lib/dispatch/settledBatch.js';
import type { TaskError } from '../lib/errors.js';
import { type MapOptions, planOf } from '../lib/options/mapOptions.js';
import { rowReader } from '../lib/serialization/columnBatch.js';
import { freeBuffers } from '../lib/serialization/freeBuffers.js';
import type {
  Args,
  ArgsOf,
  InputOf,
  Kwargs,
  KwargsOf,
  Nothing,
  SpreadOf,
  TaskOf,
  Uninferred,
} from '../lib/task/parameters.js';
import type { AnyRow, Task } from '../lib/task/task.js';

/** The row of an input whose task has returned. */
export interface FulfilledRow<T, R> {
  status: 'fulfilled';
  index: number;
  input: T;
  value: R;
}

/** The row of an input whose task has failed; `reason.cause` is what it threw. */
export interface RejectedRow<T> {
  status: 'rejected';
  index: number;
  input: T;
  reason: TaskError;
}

/** The row of an input whose task has settled either way; the words are those of `Promise.allSettled`. */
export type SettledRow<T, R> = FulfilledRow<T, R> | RejectedRow<T>;

/** Options of `parallelMapSettled`: those of a run, without `failFast`, which has nothing to say here. */
export interface SettledOptions<
  A extends readonly unknown[] = readonly unknown[],
  K extends object = object,
  S extends boolean = boolean,
> extends Omit<MapOptions<A, K, S>, 'failFast'> {}

type SettledOptionsOf<F, T, A extends Args, K extends object, S extends boolean> = F extends Nothing
  ? SettledOptions<A, K, S>
  : SettledOptions<
      ArgsOf<F, InputOf<T, F, A, K, S>, A, S>,
      KwargsOf<F, InputOf<T, F, A, K, S>, A, K, S>,
      SpreadOf<F, InputOf<T, F, A, K, S>, S>
    >;

const settledRows = (): OperatorFunction<SettledBatch, SettledRow<unknown, unknown>> => source =>
  new Observable(subscriber => {
    operate(source, {
      destination: subscriber,
      next: ({ first, count, inputs, offset, rows, failures }) => {
        const at = rowReader(rows);
        for (let i = 0, row = 0, failure = 0; i < count && !subscriber.closed; i++) {
          const index = first + i;
          const input = inputs[offset + i];
          const reason = failures[failure];
          if (reason?.index === index) {
            failure += 1;
            subscriber.next({ status: 'rejected', index, input, reason });
          } else subscriber.next({ status: 'fulfilled', index, input, value: at(row++) });
        }
        freeBuffers(rows);
      },
    });
  });

/**
 * Runs a task for every input in parallel and emits how each has settled: a failing task never errors the stream.
 *
 * One row per input, in input order or with `ordered: false` in completion order: `{ status: 'fulfilled', index, input,
 * value }` where the task has returned, `{ status: 'rejected', index, input, reason }` where it has failed, `reason` being
 * a `TaskError` with what it threw as its `cause`. `retry` comes first: only an input's last failure is a row.
 *
 * It errors where the run itself cannot go on: the source errors, `timeout` passes, the task is not found. With two workers:
 *
 * ```text
 * source:  abc|
 *          parallelMapSettled(task, { concurrency: 2 })
 * task a:  ----A|
 * task b:   -#
 * task c:    ------C|
 * result:  ----(AB)C|
 *
 * A:  { status: 'fulfilled', index: 0, input: 'a', value: 'A' }
 * B:  { status: 'rejected', index: 1, input: 'b', reason: TaskError }
 * C:  { status: 'fulfilled', index: 2, input: 'c', value: 'C' }
 * ```
 *
 * @param task as of `parallelMap`
 * @param options as of `parallelMap`, without `failFast`, which has nothing to say here
 * @returns an operator from inputs to settled rows
 * @throws TypeError, RangeError for a wrong task or option, when it is called and not when it is subscribed to
 * @example
 * import { from } from 'rxjs';
 * import { parallelMapSettled } from 'rx-parfor';
 *
 * const root = (x: number) => {
 *   if (x < 0) throw new RangeError('negative');
 *   return Math.sqrt(x);
 * };
 * from([4, -1])
 *   .pipe(parallelMapSettled(root))
 *   .subscribe(row => console.log(row.status === 'fulfilled' ? row.value : row.reason.message));
 * // 2
 * // the task failed for input -1 (index 1): RangeError: negative
 * @see JavaScript's `Promise.allSettled`
 */
export function parallelMapSettled<
  T = unknown,
  R = AnyRow,
  A extends Args = [],
  K extends Kwargs = never,
  S extends boolean = false,
  F extends Task = Uninferred,
>(
  task: TaskOf<F, T, R, A, K, S>,
  options?: SettledOptionsOf<F, T, A, K, S>,
): OperatorFunction<InputOf<T, F, A, K, S>, SettledRow<InputOf<T, F, A, K, S>, R>>;
export function parallelMapSettled(task: Task, options?: SettledOptions): OperatorFunction<never, unknown> {
  const plan = planOf('parallelMapSettled', task, options, { failures: 'emit' });
  return source => source.pipe(runTask(task, plan), settledRows());
}
