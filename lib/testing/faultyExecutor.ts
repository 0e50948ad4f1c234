import { asyncScheduler, Observable, type Subscriber } from 'rxjs';
import {
  type Chunk,
  ChunkTimeoutError,
  type Executor,
  ExecutorClosedError,
  type Report,
  WorkerLostError,
} from '../executor.js';
import { checkOptions, either, ofType, whole } from '../runtime/checkOptions.js';
import { batchOfRow, noRows } from '../serialization/columnBatch.js';
import { answerOf } from '../task/answerOf.js';
import { CallPool } from '../task/callPool.js';

/** A fault of a worker, as it comes to an input. */
export type Fault =
  /** The worker dies while it runs the input. */
  | 'crash'
  /** The worker dies before it runs anything: no input is to blame. */
  | 'crash at start'
  /** The task passes its `taskTimeout`, and its worker is ended. */
  | 'expire'
  /** The worker hands the input back without having run it, and those after it. */
  | 'hand back';

const faultKinds: readonly Fault[] = ['crash', 'crash at start', 'expire', 'hand back'];

/** Options of `faultyExecutor`. */
export interface FaultyExecutorOptions {
  /** By the index of an input: the faults that its first tries meet, one each. Default: none. */
  readonly faults?: Readonly<Record<number, Fault | readonly Fault[]>>;
  /** Chunks that run at once: a whole number from 1. Default: 1. */
  readonly parallelism?: number;
  /** Milliseconds of RxJS's clock that each task takes: from 0, or a function of the input. Default: 0. */
  readonly duration?: number | ((input: unknown) => number);
}

/**
 * Creates an executor whose workers fail at chosen inputs, for tests of retries, order and timeouts of a pipeline.
 *
 * Tasks run in this thread and must be synchronous; time is that of RxJS's `asyncScheduler`, so it is virtual within
 * `TestScheduler.run`.
 * @throws TypeError, RangeError for wrong options
 * @example
 * // The worker dies at the input of index 3 each time: three crashes are its failure, the others have their rows.
 * const executor = faultyExecutor({ faults: { 3: ['crash', 'crash', 'crash'] } });
 * range(0, 5).pipe(parallelMapSettled(x => x * x, { executor })).subscribe(console.log);
 */
export function faultyExecutor(options?: FaultyExecutorOptions): Executor & AsyncDisposable {
  const given = checkOptions<FaultyExecutorOptions>('faultyExecutor', options, {
    faults: ofType(`an object of ${faultKinds.join(', ')}`, areFaults),
    parallelism: whole(1),
    duration: either(
      ofType('milliseconds from 0', value => typeof value === 'number' && value >= 0 && value < Infinity),
      ofType('a function of the input', value => typeof value === 'function'),
    ),
  });
  return new FaultyExecutor(given);
}

const areFaults = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value)
    .flat()
    .every(fault => faultKinds.includes(fault as Fault));

class FaultyExecutor implements Executor, AsyncDisposable {
  readonly parallelism: number;
  readonly #durationOf: (input: unknown) => number;
  /** The faults that are still to come, by the index of their input. */
  readonly #faults: Map<number, Fault[]>;
  readonly #open = new Set<Subscriber<Report>>();
  #closed = false;

  constructor({ faults = {}, parallelism = 1, duration = 0 }: FaultyExecutorOptions) {
    this.parallelism = parallelism;
    this.#durationOf = typeof duration === 'number' ? () => duration : duration;
    this.#faults = new Map(Object.entries(faults).map(([index, kinds]) => [Number(index), [kinds].flat()]));
  }

  run(chunk: Chunk): Observable<Report> {
    return new Observable(subscriber => {
      if (this.#closed) return subscriber.error(new ExecutorClosedError());
      this.#open.add(subscriber);
      subscriber.add(() => this.#open.delete(subscriber));
      this.#runFrom(chunk, 0, new CallPool(chunk.run), subscriber);
    });
  }

  #runFrom(chunk: Chunk, offset: number, calls: CallPool, subscriber: Subscriber<Report>): void {
    if (subscriber.closed) return;
    if (offset === chunk.inputs.length) return subscriber.complete();
    const fault = this.#faults.get(chunk.first + offset)?.shift();
    if (fault === 'hand back') return subscriber.complete();
    if (fault === 'crash at start') return subscriber.error(lost(true));
    const input = chunk.inputs[offset];
    const elapsed = this.#durationOf(input);
    const finish = () => {
      if (fault === 'crash') return subscriber.error(lost(false));
      if (fault === 'expire') return subscriber.error(new ChunkTimeoutError());
      subscriber.next({ count: 1, elapsed, ...outcomeOf(calls, input) });
      this.#runFrom(chunk, offset + 1, calls, subscriber);
    };
    subscriber.add(asyncScheduler.schedule(finish, elapsed));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const subscriber of [...this.#open]) subscriber.error(new ExecutorClosedError());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const lost = (atStart: boolean) =>
  new WorkerLostError({ exitCode: 1, reason: 'a fault of faultyExecutor' }, atStart);

function outcomeOf(calls: CallPool, input: unknown): Pick<Report, 'rows' | 'failures'> {
  const answer = answerOf(calls, input);
  if (answer.kind === 'error') return { rows: noRows, failures: [{ offset: 0, cause: answer.error }] };
  return { rows: batchOfRow(answer.kind === 'row' ? answer.row : answer.promise), failures: [] };
}
