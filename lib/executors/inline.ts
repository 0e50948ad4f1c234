import { Observable, type Subscriber } from 'rxjs';
import {
  type Chunk,
  type DirectCall,
  type DirectListener,
  type Executor,
  ExecutorClosedError,
  type Report,
  type Run,
} from '../executor.js';
import { RoundRobin } from '../queues/roundRobin.js';
import { callObserver } from '../runtime/callObserver.js';
import { checkOptions, orInfinity, type Rule, whole } from '../runtime/checkOptions.js';
import { type Answer, answerOf, follow } from '../task/answerOf.js';
import { CallPool } from '../task/callPool.js';
import { InlineChunk } from './inlineChunk.js';

/** Options of `inline()`. */
export interface InlineOptions {
  /** The most async tasks under way side by side: a whole number from 1, or `Infinity`. Default: 1. */
  concurrency?: number;
}

// Marked as pure: a bundle without `inline` leaves them out.
const rules = /* @__PURE__ */ ((): Record<keyof InlineOptions, Rule> => ({
  concurrency: orInfinity(whole(1)),
}))();

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
  /** Hears of the direct call that is under way. */
  #called: DirectListener | undefined;
  #closed = false;

  constructor(readonly parallelism: number) {}

  run(given: Chunk): Observable<Report> {
    return new Observable<Report>(subscriber => {
      if (this.#closed) {
        subscriber.error(new ExecutorClosedError());
        return;
      }
      const chunk = this.#chunkOf(given, subscriber, 'waiting');
      this.#waiting.add(chunk);
      this.#serve();
    });
  }

  direct(run: Run): DirectCall {
    const calls = this.#callsOf(run);
    return (input, listener) => {
      if (this.#serving || this.#closed || this.#running >= this.parallelism || !this.#waiting.isEmpty)
        return false;
      // What runs begin meanwhile waits, as it does while a chunk is served.
      this.#serving = true;
      this.#running += 1;
      this.#called = listener;
      try {
        const answer = answerOf(calls, input);
        if (answer.kind === 'row' || this.#closed) this.#running -= 1;
        // Nobody waits for it any more, and its rejection must be somebody's.
        if (this.#closed && answer.kind === 'promise') follow(answer.promise, () => undefined);
        else if (answer.kind === 'row') listener.returned(answer.row);
        else if (!this.#closed) {
          this.#called = undefined;
          listener.goesOn(this.#rest(run, input, answer));
        }
      } finally {
        this.#called = undefined;
        this.#serving = false;
      }
      if (!this.#waiting.isEmpty) this.#serve();
      return true;
    };
  }

  /** Returns the reports of a chunk of one input, whose task has been called already. */
  #rest(run: Run, input: unknown, answer: Answer): Observable<Report> {
    return new Observable<Report>(subscriber => {
      this.#chunkOf({ run, inputs: [input] }, subscriber, 'running').goOnFrom(answer);
    });
  }

  #chunkOf(
    given: Pick<Chunk, 'run' | 'inputs'>,
    subscriber: Subscriber<Report>,
    state: 'waiting' | 'running',
  ): InlineChunk {
    const freed = () => {
      this.#running -= 1;
    };
    const chunk = new InlineChunk(given, subscriber, this.#callsOf(given.run), state, freed);
    this.#chunks.add(subscriber);
    subscriber.add(() => {
      this.#chunks.delete(subscriber);
      this.#waiting.delete(chunk);
      chunk.stop();
      this.#serve();
    });
    return chunk;
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
    const called = this.#called;
    this.#called = undefined;
    if (called) callObserver(() => called.failed(new ExecutorClosedError()));
    for (const subscriber of [...this.#chunks])
      callObserver(() => subscriber.error(new ExecutorClosedError()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** True for an executor that `inline()` has made. */
export const isInline = (executor: Executor | undefined): boolean => executor instanceof InlineExecutor;

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
  const { concurrency = 1 } = checkOptions<InlineOptions>('inline', options, rules);
  return new InlineExecutor(concurrency);
}
