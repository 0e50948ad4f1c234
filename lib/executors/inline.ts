import { Observable, type Subscriber } from 'rxjs';
import { callTask, isThenable } from '../callTask.js';
import { checkOptions, either, ofType, whole } from '../checkOptions.js';
import { type Chunk, type Executor, ExecutorClosedError, LeaseExpired, type Report } from '../executor.js';
import { noRows, packedRow } from '../transport/packing.js';

/** Options of `inline()`. */
export interface InlineOptions {
  /** How many async tasks may be under way side by side: a whole number from 1, or `Infinity`. Default: 1. */
  concurrency?: number;
}

/** Runs chunks in this thread, one input after another; what a synchronous task gives is there at once. */
class InlineExecutor implements Executor {
  // One input at a time: there is no trip to save, and no row waits for another.
  readonly lease = { slice: Infinity, limit: 1 };
  readonly #running = new Set<Subscriber<Report>>();
  #closed = false;

  constructor(readonly parallelism: number) {}

  run({ run, inputs }: Chunk): Observable<Report> {
    return new Observable<Report>(subscriber => {
      if (this.#closed) {
        subscriber.error(new ExecutorClosedError());
        return;
      }
      this.#running.add(subscriber);
      subscriber.add(() => this.#running.delete(subscriber));
      const call = callTask(run.task, run);
      let i = 0;
      let since = 0;
      let timer: NodeJS.Timeout | undefined;
      const good = (row: unknown) => {
        i += 1;
        subscriber.next({
          count: 1,
          rows: packedRow(row),
          failures: [],
          elapsed: performance.now() - since,
        });
      };
      const bad = (cause: unknown) => {
        i += 1;
        subscriber.next({
          count: 1,
          rows: noRows,
          failures: [{ offset: 0, cause }],
          elapsed: performance.now() - since,
        });
      };
      const goOn = () => {
        while (i < inputs.length && !subscriber.closed) {
          since = performance.now();
          let row: unknown;
          let pending: boolean;
          try {
            row = call(inputs[i]);
            pending = isThenable(row);
          } catch (error) {
            bad(error);
            continue;
          }
          if (!pending) {
            good(row);
            continue;
          }
          if (run.taskTimeout !== undefined)
            timer = setTimeout(() => subscriber.error(new LeaseExpired()), run.taskTimeout);
          // Once: a thenable, unlike a promise, may answer twice, or throw.
          let settled = false;
          const then = (settle: (value: unknown) => void) => (value: unknown) => {
            if (settled || subscriber.closed) return;
            settled = true;
            clearTimeout(timer);
            settle(value);
            goOn();
          };
          try {
            (row as PromiseLike<unknown>).then(then(good), then(bad));
          } catch (error) {
            then(bad)(error);
          }
          return;
        }
        subscriber.complete();
      };
      subscriber.add(() => clearTimeout(timer));
      goOn();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const subscriber of this.#running) subscriber.error(new ExecutorClosedError());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * An executor that runs tasks in this thread.
 *
 * Closures and any kind of value work, as nothing crosses a boundary; rows of synchronous tasks are emitted at once.
 * Async tasks run side by side up to `concurrency`. A synchronous task cannot be interrupted, so `taskTimeout` ends
 * async ones only: their row is failed, their work goes on unseen.
 * @throws TypeError, RangeError for wrong options
 * @example
 * const k = 3;
 * range(0, 4).pipe(parallelMap(x => x * k, { executor: inline() })).subscribe(console.log); // 0 3 6 9
 */
export function inline(options?: InlineOptions): Executor {
  checkOptions('inline', options, {
    concurrency: either(
      whole(1),
      ofType('Infinity', value => value === Infinity),
    ),
  });
  return new InlineExecutor(options?.concurrency ?? 1);
}
