import { Observable, type OperatorFunction } from 'rxjs';
import type { Executor, Run } from '../executor.js';
import type { Plan } from '../options/mapOptions.js';
import { Sweep } from '../sources/sweep.js';
import type { Task } from '../task/task.js';
import { Dispatcher } from './dispatcher.js';
import { operate } from './operate.js';
import { PullSource } from './pullSource.js';
import type { SettledBatch } from './settledBatch.js';

/**
 * Runs a task over the source's values and emits what settles, batch by batch.
 * @param executorOf gives the executor, at each subscription
 */
export function runTaskOn<T>(
  executorOf: () => Executor,
  task: Task,
  plan: Plan,
): OperatorFunction<T, SettledBatch> {
  return source =>
    new Observable<SettledBatch>(subscriber => {
      const { args, kwargs, spread, taskTimeout } = plan;
      const executor = executorOf();
      const concurrency = plan.concurrency ?? executor.parallelism;
      const run: Run = { task, args, kwargs, spread, concurrency, taskTimeout };
      const pulled = source instanceof Sweep ? source : undefined;
      const freshInputs = pulled?.isFresh === true;
      const dispatcher = new Dispatcher({ run, plan, executor, observer: subscriber, freshInputs });
      subscriber.add(() => dispatcher.stop());
      dispatcher.start({ progress: plan.progress?.(), total: pulled?.total });
      if (pulled) {
        const pullSource = new PullSource(pulled.values, dispatcher);
        subscriber.add(() => pullSource.stop());
        dispatcher.pullFrom(pullSource);
      } else
        operate(source, {
          destination: subscriber,
          next: value => dispatcher.push(value),
          error: error => dispatcher.fail(error),
          complete: () => dispatcher.end(),
        });
    });
}
