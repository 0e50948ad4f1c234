import { Observable, type OperatorFunction } from 'rxjs';
import { type MapOptions, planOf } from '../lib/options.js';
import { unpack } from '../lib/transport/packing.js';
import { blocks } from '../lib/scheduling/blocks.js';
import { Link } from '../lib/scheduling/link.js';
import type { Block } from '../lib/scheduling/scheduler.js';
import type { Task } from '../lib/task.js';
import type { Args, Returned, Shared } from '../lib/taskParameters.js';

/** Emits the rows of blocks one by one. */
export const rows = <R>(): OperatorFunction<Block, R> => source =>
  new Observable<R>(subscriber => {
    source.subscribe(
      new Link<Block>(subscriber, ({ rows }) => {
        const at = unpack(rows) as (index: number) => R;
        for (let i = 0; i < rows.length && !subscriber.closed; i++) subscriber.next(at(i));
      }),
    );
  });

export function parallelMap<T extends readonly unknown[], R, A extends Args = [], K extends object = never>(
  task: (...parameters: [...T, ...Shared<A, K>]) => Returned<R>,
  options: MapOptions<A, K> & { spread: true },
): OperatorFunction<T, R>;
export function parallelMap<T, R, A extends Args = [], K extends object = never>(
  task: (value: T, ...shared: Shared<A, K>) => Returned<R>,
  options?: MapOptions<A, K> & { spread?: false },
): OperatorFunction<T, R>;
export function parallelMap(task: Task, options?: MapOptions): OperatorFunction<unknown, unknown> {
  const plan = planOf('parallelMap', task, options);
  return source => source.pipe(blocks(task, plan), rows());
}
