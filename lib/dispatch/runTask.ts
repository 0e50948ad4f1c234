import { Observable, type OperatorFunction } from 'rxjs';
import type { Run } from '../executor.js';
import type { Plan } from '../options/mapOptions.js';
import { progressBar } from '../progress/progressBar.js';
import { ProgressMeter } from '../progress/progressMeter.js';
import { Sweep } from '../sources/sweep.js';
import type { Task } from '../task/task.js';
import { Dispatcher, type SettledBatch } from './dispatcher.js';
import { Link } from './operate.js';
import { PullSource } from './pullSource.js';

/**
 * Runs a task over the source's values and emits what settles, block by block: what every parallel operator is made of.
 */
export function runTask<T>(task: Task, plan: Plan): OperatorFunction<T, SettledBatch> {
  return source =>
    new Observable<SettledBatch>(subscriber => {
      const { executor, args, kwargs, spread, taskTimeout, progress } = plan;
      const concurrency = plan.concurrency ?? executor.parallelism;
      const run: Run = { task, args, kwargs, spread, concurrency, taskTimeout };
      const observer = progress === true ? progressBar() : progress === false ? undefined : progress;
      const pulled = source instanceof Sweep ? source : undefined;
      const meter = observer && new ProgressMeter(observer, pulled?.total);
      const scheduler = new Dispatcher(
        run,
        plan,
        {
          block: block => subscriber.next(block),
          error: error => subscriber.error(error),
          complete: () => subscriber.complete(),
        },
        meter,
      );
      subscriber.add(() => scheduler.stop());
      if (pulled) {
        const supply = new PullSource(pulled.values, scheduler);
        subscriber.add(() => supply.stop());
        scheduler.supplyFrom(supply);
      } else
        source.subscribe(
          new Link<T>(
            subscriber,
            value => scheduler.push(value),
            () => scheduler.end(),
            error => scheduler.fail(error),
          ),
        );
    });
}
