import { clearTimeout, setTimeout } from 'node:timers';
import { Observable, type Subscriber } from 'rxjs';
import {
  type Chunk,
  ChunkTimeoutError,
  type Executor,
  ExecutorClosedError,
  type Failure,
  type Report,
  type Run,
} from '../executor.js';
import { checkOptions, either, ofType, whole } from '../options/checkOptions.js';
import type { ColumnBatch } from '../protocol/columnBatch.js';
import { RoundRobin } from '../queues/roundRobin.js';
import { callObserver } from '../runtime/callObserver.js';
import { now } from '../runtime/clock.js';
import { batchOfRow, noRows } from '../serialization/columnBatch.js';
import { callTask, isThenable } from '../task/callTask.js';

/** Options of `inline()`. */
export interface InlineOptions {
  /** How many async tasks may be under way side by side: a whole number from 1, or `Infinity`. Default: 1. */
  concurrency?: number;
}

/** A chunk that waits until fewer are under way. */
interface Waiting {
  readonly run: Run;
  start(): void;
}

/** Runs chunks in this thread, one input after another; what a synchronous task gives is there at once. */
class InlineExecutor implements Executor, AsyncDisposable {
  // One input at a time: there is no trip to save, and no row waits for another.
  readonly chunkPolicy = { timeSlice: Infinity, maxInputs: 1 };
  readonly #chunks = new Set<Subscriber<Report>>();
  readonly #waiting = new RoundRobin<Waiting>();
  /** Chunks that are under way. */
  #running = 0;
  #serving = false;
  #closed = false;

  constructor(readonly parallelism: number) {}

  run(chunk: Chunk): Observable<Report> {
    return new Observable<Report>(subscriber => {
      if (this.#closed) {
        subscriber.error(new ExecutorClosedError());
        return;
      }
      this.#chunks.add(subscriber);
      subscriber.add(() => this.#chunks.delete(subscriber));
      const waiting: Waiting = { run: chunk.run, start: () => this.#start(chunk, subscriber) };
      subscriber.add(() => this.#waiting.delete(waiting));
      this.#waiting.add(waiting);
      this.#serve();
    });
  }

  /** Starts those that wait, as many at once as there may be. A start may nest: the loop that is at it goes on then. */
  #serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    while (this.#running < this.parallelism) {
      const next = this.#waiting.take(() => true);
      if (!next) break;
      this.#running += 1;
      next.start();
    }
    this.#serving = false;
  }

  #start({ run, inputs }: Chunk, subscriber: Subscriber<Report>): void {
    let over = false;
    const free = () => {
      if (over) return;
      over = true;
      this.#running -= 1;
    };
    subscriber.add(() => {
      free();
      this.#serve();
    });
    const call = callTask(run.task, run);
    let i = 0;
    let since = 0;
    let timer: NodeJS.Timeout | undefined;
    const report = (rows: ColumnBatch, failures: readonly Failure[]) => {
      i += 1;
      const elapsed = now() - since;
      // Free before anybody is told: a run that begins then need not wait.
      if (i === inputs.length) free();
      callObserver(() => subscriber.next({ count: 1, rows, failures, elapsed }));
    };
    const good = (row: unknown) => report(batchOfRow(row), []);
    const bad = (cause: unknown) => report(noRows, [{ offset: 0, cause }]);
    const goOn = () => {
      while (i < inputs.length && !subscriber.closed) {
        since = now();
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
          timer = setTimeout(() => subscriber.error(new ChunkTimeoutError()), run.taskTimeout);
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
      callObserver(() => subscriber.complete());
    };
    subscriber.add(() => clearTimeout(timer));
    goOn();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const subscriber of [...this.#chunks])
      callObserver(() => subscriber.error(new ExecutorClosedError()));
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
export function inline(options?: InlineOptions): Executor & AsyncDisposable {
  const { concurrency = 1 } = checkOptions<InlineOptions>('inline', options, {
    concurrency: either(
      whole(1),
      ofType('Infinity', value => value === Infinity),
    ),
  });
  return new InlineExecutor(concurrency);
}
