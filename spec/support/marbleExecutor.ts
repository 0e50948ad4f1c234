import { Observable, type SchedulerLike } from 'rxjs';
import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Chunk, Executor, Report, Run } from '../../lib/executor.js';
import { batchOfRow, noRows } from '../../lib/serialization/columnBatch.js';

/** What a body in virtual time is given: RxJS's own helpers, its clock, and an executor of marbles. */
export interface Helpers extends RunHelpers {
  readonly clock: SchedulerLike;
  executorOf(...parameters: MarbleExecutorParameters): MarbleExecutor;
}

/** Adds a test in virtual time. Errors are compared whole: by name, message, cause and own properties. */
export function marbles(title: string, body: (helpers: Helpers) => void): void {
  test(title, () => inVirtualTime(body));
}

/** Runs the body in virtual time, and fails where what it expects does not come. */
export function inVirtualTime<T>(body: (helpers: Helpers) => T): T {
  const clock = new TestScheduler((actual, expected) => assert.equal(plain(actual), plain(expected)));
  return clock.run(helpers =>
    body({ ...helpers, clock, executorOf: (...parameters) => marbleExecutor(helpers, ...parameters) }),
  );
}

/** A value with every error in it laid open, as a comparison of errors looks at their class alone. */
export function plain(value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, cause } = value;
    return { name, message, cause: plain(cause), ...(plain({ ...value }) as object) };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** A promise in virtual time, where RxJS cannot hold back the real ones: it settles as an Observable does. */
export const promiseOf = <T>(settles: Observable<T>): Promise<T> =>
  ({
    // biome-ignore lint/suspicious/noThenProperty: that is what a promise is
    then: (resolve: (value: T) => void, reject: (reason: unknown) => void) =>
      settles.subscribe({ next: resolve, error: reject }),
  }) as unknown as Promise<T>;

/** What a failing task of a marble executor throws. */
export const oops = new Error('oops');

const report = { count: 1, failures: [], elapsed: 0 };

/** An executor without workers: what its chunks emit stands in marbles. */
export interface MarbleExecutor extends Executor {
  /** Asserts when each chunk was subscribed to and let go of, try by try; chunks that are not named never were. */
  expectChunks(subscriptions: Readonly<Record<string, string | readonly string[]>>): void;
  /** The runs that are over. */
  readonly released: Run[];
  /** The most chunks that were on their way at once. */
  most: number;
}

type MarbleExecutorParameters = [
  parallelism: number,
  chunks: Readonly<Record<string, string | readonly string[]>>,
  errors?: Readonly<Record<string, unknown>>,
];

/**
 * Makes an executor of marbles: for each chunk (its inputs, joined) what becomes of it; an array has one for each try.
 *
 * A letter settles the next input with that letter as its row, `?` settles it as failed with `oops`, `#` does so and
 * ends the chunk, `|` ends it. With `errors`, `#` is an error of the executor itself.
 */
function marbleExecutor(
  { cold, expectSubscriptions }: RunHelpers,
  ...[parallelism, chunks, errors = {}]: MarbleExecutorParameters
): MarbleExecutor {
  const colds = new Map(
    Object.entries(chunks).map(([inputs, tries]) => [
      inputs,
      [tries].flat().map(marble => {
        const error = errors[inputs];
        const drawn =
          error === undefined ? marble.replace(/(\([^)]*)#\)/, '$1?|)').replace('#', '(?|)') : marble;
        const failed: Report = { ...report, rows: noRows, failures: [{ offset: 0, cause: oops }] };
        const values = [...drawn].map(letter => [
          letter,
          letter === '?' ? failed : { ...report, rows: batchOfRow(letter) },
        ]);
        return cold<Report>(drawn, Object.fromEntries(values), error);
      }),
    ]),
  );
  const started = new Map<string, number>();
  let running = 0;
  const executor: MarbleExecutor = {
    parallelism,
    chunkPolicy: { timeSlice: 8, maxInputs: 1 },
    released: [],
    most: 0,
    run({ inputs }: Chunk): Observable<Report> {
      const name = Array.from(inputs).join('');
      const nth = started.get(name) ?? 0;
      started.set(name, nth + 1);
      const chunk = colds.get(name)?.[nth];
      if (!chunk) throw new Error(`no marbles for try ${nth + 1} of the chunk ${name}`);
      return new Observable(subscriber => {
        running += 1;
        executor.most = Math.max(executor.most, running);
        subscriber.add(() => {
          running -= 1;
        });
        chunk.subscribe(subscriber);
      });
    },
    forget(run) {
      executor.released.push(run);
    },
    expectChunks(subscriptions) {
      for (const [inputs, tries] of colds) {
        const expected = [subscriptions[inputs] ?? []].flat();
        tries.forEach((chunk, nth) => {
          expectSubscriptions(chunk.subscriptions).toBe(expected[nth] === undefined ? [] : [expected[nth]]);
        });
      }
    },
    close: async () => undefined,
  };
  return executor;
}
