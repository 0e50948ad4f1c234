import type { Observable, SchedulerLike } from 'rxjs';
import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type MarbleExecutor, marbleExecutor } from '../../lib/testing/marbleExecutor.js';

/** The helpers of a body in virtual time: RxJS's own helpers, its clock, and an executor of marbles. */
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
    body({
      ...helpers,
      clock,
      executorOf: (parallelism, chunks, errors = {}) =>
        marbleExecutor(helpers, chunks, { parallelism, oops, errors }),
    }),
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

type MarbleExecutorParameters = [
  parallelism: number,
  chunks: Readonly<Record<string, string | readonly string[]>>,
  errors?: Readonly<Record<string, unknown>>,
];
