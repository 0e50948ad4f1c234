import type { OperatorFunction } from 'rxjs';
import { inline } from '../lib/executors/inline.js';
import { type MapOptions, planOf } from '../lib/options.js';
import { blocks } from '../lib/scheduling/blocks.js';
import { rows } from '../lib/scheduling/rows.js';
import type { Task } from '../lib/task.js';
import type { Args, Returned, Shared } from '../lib/taskParameters.js';

export function serialMap<T extends readonly unknown[], R, A extends Args = [], K extends object = never>(
  task: (...parameters: [...T, ...Shared<A, K>]) => Returned<R>,
  options: MapOptions<A, K> & { spread: true },
): OperatorFunction<T, R>;
export function serialMap<T, R, A extends Args = [], K extends object = never>(
  task: (value: T, ...shared: Shared<A, K>) => Returned<R>,
  options?: MapOptions<A, K> & { spread?: false },
): OperatorFunction<T, R>;
export function serialMap(task: Task, options?: MapOptions): OperatorFunction<unknown, unknown> {
  // Where a run would be parallel is no matter here: the same options serve both twins.
  const plan = { ...planOf('serialMap', task, options, inline()), concurrency: 1, chunk: 1 };
  return source => source.pipe(blocks(task, plan), rows());
}
