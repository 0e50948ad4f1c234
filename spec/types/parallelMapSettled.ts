// Checked by the compiler alone: nothing here is run.
import { expectTypeOf } from 'expect-type';
import { filter, type Observable, of, range } from 'rxjs';
import {
  type FulfilledRow,
  parallelMapSettled,
  type RejectedRow,
  type SettledRow,
  type TaskError,
} from '../../index.js';

const settled = range(0, 3).pipe(parallelMapSettled(async x => [x, `${x}`]));
expectTypeOf(settled).toEqualTypeOf<Observable<SettledRow<number, [number, string]>>>();

// The status tells which; the words are those of Promise.allSettled.
settled.subscribe(row => {
  expectTypeOf(row.index).toEqualTypeOf<number>();
  expectTypeOf(row.input).toEqualTypeOf<number>();
  if (row.status === 'fulfilled') {
    expectTypeOf(row).toEqualTypeOf<FulfilledRow<number, [number, string]>>();
    expectTypeOf(row.value).toEqualTypeOf<[number, string]>();
    // @ts-expect-error there is no reason
    row.reason;
  } else {
    expectTypeOf(row).toEqualTypeOf<RejectedRow<number>>();
    expectTypeOf(row.reason).toEqualTypeOf<TaskError>();
    // @ts-expect-error there is no value
    row.value;
  }
  const settledResult: PromiseSettledResult<[number, string]> = row;
  return settledResult;
});
expectTypeOf(settled.pipe(filter(row => row.status === 'rejected'))).toEqualTypeOf<
  Observable<RejectedRow<number>>
>();

const pairs = of<[number, string][]>([1, 'a']);
expectTypeOf(
  pairs.pipe(
    parallelMapSettled((n, s, { k }) => n + s.length + k, { spread: true, kwargs: { k: 1 }, retry: 2 }),
  ),
).toEqualTypeOf<Observable<SettledRow<[number, string], number>>>();

// @ts-expect-error no failure ends this run
range(0, 3).pipe(parallelMapSettled(x => x, { failFast: true }));
// @ts-expect-error the option has nothing to say here
range(0, 3).pipe(parallelMapSettled(x => x, { failFast: false }));
// @ts-expect-error there is no such option
range(0, 3).pipe(parallelMapSettled(x => x, { retries: 3 }));
// @ts-expect-error the task needs kwargs
range(0, 3).pipe(parallelMapSettled((x: number, { z }: { z: number }) => x + z));
// @ts-expect-error the task takes strings
range(0, 3).pipe(parallelMapSettled((x: string) => x));
