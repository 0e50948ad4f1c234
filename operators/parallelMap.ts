import type { OperatorFunction } from 'rxjs';
import { type MapOptions, planOf } from '../lib/options.js';
import { blocks } from '../lib/scheduling/blocks.js';
import { rows } from '../lib/scheduling/rows.js';
import type { Task } from '../lib/task.js';
import type { Args, Returned, Shared } from '../lib/taskParameters.js';

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
