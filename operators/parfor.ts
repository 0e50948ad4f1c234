import { Observable, type OperatorFunction } from 'rxjs';
import { type Columns, ColumnsBuilder } from '../lib/columns.js';
import { type MapOptions, planOf } from '../lib/options.js';
import { blocks } from '../lib/scheduling/blocks.js';
import { Link } from '../lib/scheduling/link.js';
import type { Block } from '../lib/scheduling/scheduler.js';
import type { Task } from '../lib/task.js';
import type { Args, Returned, Shared } from '../lib/taskParameters.js';

/** `toColumns`, of rows that are still packed. */
const blocksToColumns = (): OperatorFunction<Block, unknown> => source =>
  new Observable(subscriber => {
    const columns = new ColumnsBuilder();
    source.subscribe(
      new Link<Block>(
        subscriber,
        ({ first, rows }) => columns.addPacked(rows, first),
        () => {
          subscriber.next(columns.finish());
          subscriber.complete();
        },
      ),
    );
  });

export function parfor<T extends readonly unknown[], R, A extends Args = [], K extends object = never>(
  task: (...parameters: [...T, ...Shared<A, K>]) => Returned<R>,
  options: MapOptions<A, K> & { spread: true },
): OperatorFunction<T, Columns<R>>;
export function parfor<T, R, A extends Args = [], K extends object = never>(
  task: (value: T, ...shared: Shared<A, K>) => Returned<R>,
  options?: MapOptions<A, K> & { spread?: false },
): OperatorFunction<T, Columns<R>>;
export function parfor(task: Task, options?: MapOptions): OperatorFunction<unknown, unknown> {
  const plan = planOf('parfor', task, options);
  return source => source.pipe(blocks(task, plan), blocksToColumns());
}
