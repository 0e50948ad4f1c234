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
import { type Queued, RoundRobin } from '../queues/roundRobin.js';
import { callObserver } from '../runtime/callObserver.js';
import { now } from '../runtime/clock.js';
import { startTimer, type Timer } from '../runtime/startTimer.js';
import { batchOfRow, noRows } from '../serialization/columnBatch.js';
import { type BoundCall, CallPool } from '../task/callPool.js';
import { isThenable } from '../task/callTask.js';

/** Options of `inline()`. */
export interface InlineOptions {
  /** The most async tasks under way side by side: a whole number from 1, or `Infinity`. Default: 1. */
  concurrency?: number;
}

/** Runs chunks in this thread, one input after another; rows of synchronous tasks are there at once. */
class InlineExecutor implements Executor, AsyncDisposable {
  // One input at a time: there is no trip to save, and no row waits for another.
  readonly chunkPolicy = { timeSlice: Infinity, maxInputs: 1 };
  readonly #chunks = new Set<Subscriber<Report>>();
  readonly #waiting = new RoundRobin<InlineChunk>();
  readonly #calls = new WeakMap<Run, CallPool>();
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
      const waiting = new InlineChunk(chunk, subscriber, this.#callsOf(chunk.run), () => {
        this.#running -= 1;
      });
      subscriber.add(() => {
        this.#chunks.delete(subscriber);
        this.#waiting.delete(waiting);
        waiting.stop();
        this.#serve();
      });
      this.#waiting.add(waiting);
      this.#serve();
    });
  }

  #callsOf(run: Run): CallPool {
    let calls = this.#calls.get(run);
    if (!calls) this.#calls.set(run, (calls = new CallPool(run)));
    return calls;
  }

  /** Starts those that wait, as many at once as there may be. A start may nest: the loop that is at it goes on then. */
  #serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    try {
      while (this.#running < this.parallelism) {
        const next = this.#waiting.take(() => true);
        if (!next) break;
        this.#running += 1;
        next.start();
      }
    } finally {
      this.#serving = false;
    }
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

/** A task's outcome. */
type Outcome =
  | { readonly kind: 'row'; readonly row: unknown }
  | { readonly kind: 'error'; readonly error: unknown };

/** Waits for a thenable, and for the thenable that it may answer with, as `await` does. */
function follow(row: PromiseLike<unknown>, answer: (outcome: Outcome) => void): void {
  // A thenable, unlike a promise, may answer twice, or throw after it has answered.
  let answered = false;
  const once = (settle: () => void) => {
    if (answered) return;
    answered = true;
    settle();
  };
  const fail = (error: unknown) => once(() => answer({ kind: 'error', error }));
  try {
    row.then(
      next => once(() => (isThenable(next) ? follow(next, answer) : answer({ kind: 'row', row: next }))),
      fail,
    );
  } catch (error) {
    fail(error);
  }
}

/** One chunk: it waits, runs its inputs one after another, and is over. */
class InlineChunk implements Queued {
  readonly run: Run;
  #call: BoundCall | undefined;
  #state: 'waiting' | 'running' | 'over' = 'waiting';
  /** The input that runs, or runs next. */
  #next = 0;
  #since = 0;
  #timer: Timer | undefined;

  constructor(
    private readonly chunk: Chunk,
    private readonly subscriber: Subscriber<Report>,
    private readonly calls: CallPool,
    /** The chunk that ran needs its place no more. */
    private readonly freed: () => void,
  ) {
    this.run = chunk.run;
  }

  start(): void {
    this.#state = 'running';
    this.#goOn();
  }

  /** Nobody waits for it any more, or it has ended. */
  stop(): void {
    this.#timer?.stop();
    this.#free();
  }

  #free(): void {
    if (this.#state === 'running') this.freed();
    this.#state = 'over';
  }

  #goOn(): void {
    while (this.#next < this.chunk.inputs.length && !this.subscriber.closed) {
      const outcome = this.#runNext();
      if (!outcome) return;
      this.#report(outcome);
    }
    callObserver(() => this.subscriber.complete());
  }

  /** Runs the next input; returns nothing where its task has not answered yet. */
  #runNext(): Outcome | undefined {
    this.#since = now();
    try {
      this.#call = this.calls.take();
      const row = this.#call.call(this.chunk.inputs[this.#next]);
      return isThenable(row) ? this.#await(row) : { kind: 'row', row };
    } catch (error) {
      return { kind: 'error', error };
    }
  }

  /** Waits for an answer; returns it where it comes at once, as that of a thenable may. */
  #await(row: PromiseLike<unknown>): Outcome | undefined {
    const { taskTimeout } = this.run;
    if (taskTimeout !== undefined)
      this.#timer = startTimer(() => this.subscriber.error(new ChunkTimeoutError()), taskTimeout);
    let answered: Outcome | undefined;
    let returned = false;
    const answer = (outcome: Outcome): void => {
      if (this.subscriber.closed) return;
      answered = outcome;
      this.#timer?.stop();
      if (!returned) return;
      this.#report(outcome);
      this.#goOn();
    };
    follow(row, answer);
    returned = true;
    return answered;
  }

  #report(outcome: Outcome): void {
    this.#next += 1;
    if (this.#call) this.calls.giveBack(this.#call);
    const elapsed = now() - this.#since;
    const failures: Failure[] =
      outcome.kind === 'row'
        ? []
        : [{ offset: 0, cause: outcome.error, untransferable: undefined, expired: false }];
    const rows: ColumnBatch = outcome.kind === 'row' ? batchOfRow(outcome.row) : noRows;
    // Free before anybody is told: a run that begins then need not wait.
    if (this.#next === this.chunk.inputs.length) this.#free();
    callObserver(() => this.subscriber.next({ count: 1, rows, failures, elapsed }));
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
