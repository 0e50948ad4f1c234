import { range, toArray } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TaskTimeoutError, WorkerCrashError } from '../../../lib/errors.js';
import { faultyExecutor } from '../../../lib/testing/faultyExecutor.js';
import { parallelMap } from '../../../operators/parallelMap.js';
import { parallelMapSettled } from '../../../operators/parallelMapSettled.js';
import { inVirtualTime } from '../../support/virtualTime.js';

const square = (x: number) => x * x;

test('an input whose worker dies three times has failed, and the others have their rows', () =>
  inVirtualTime(({ flush }) => {
    const executor = faultyExecutor({ faults: { 3: ['crash', 'crash', 'crash'] }, parallelism: 2 });
    let names: unknown[] = [];
    range(0, 6)
      .pipe(parallelMapSettled(square, { executor }), toArray())
      .subscribe(rows => {
        names = rows.map(row => (row.status === 'fulfilled' ? row.value : row.reason.constructor));
      });
    flush();
    assert.equal(names, [0, 1, 4, WorkerCrashError, 16, 25]);
  }));

test('faults that pass cost no row: a crash, one at the start, what is handed back, an expiry that is tried again', () =>
  inVirtualTime(({ flush }) => {
    const executor = faultyExecutor({
      faults: { 0: 'hand back', 1: 'crash', 2: 'crash at start', 4: ['expire', 'crash'] },
    });
    let rows: number[] = [];
    range(0, 6)
      .pipe(parallelMap(square, { executor, retry: 1, taskTimeout: 5 }), toArray())
      .subscribe(all => {
        rows = all;
      });
    flush();
    assert.equal(rows, [0, 1, 4, 9, 16, 25]);
  }));

test('an input that expires has timed out', () =>
  inVirtualTime(({ flush }) => {
    let error: unknown;
    range(0, 3)
      .pipe(
        parallelMap(square, {
          executor: faultyExecutor({ faults: { 1: 'expire' } }),
          taskTimeout: 5,
          chunk: 1,
        }),
      )
      .subscribe({
        error: reason => {
          error = reason;
        },
      });
    flush();
    assert.instance(error, TaskTimeoutError);
    assert.is((error as TaskTimeoutError).index, 1);
  }));

test('tasks take the time of RxJS’s clock, and workers run side by side', () =>
  inVirtualTime(({ clock, flush }) => {
    const executor = faultyExecutor({ parallelism: 2, duration: x => (x === 0 ? 30 : 10) });
    const at: [number, number][] = [];
    const start = clock.now();
    range(0, 4)
      .pipe(parallelMap(x => x, { executor, chunk: 1, ordered: false }))
      .subscribe(row => at.push([row, clock.now() - start]));
    flush();
    assert.equal(at, [
      [1, 10],
      [2, 20],
      [0, 30],
      [3, 30],
    ]);
  }));

test('wrong options are told', () => {
  assert.throws(
    () => faultyExecutor({ faults: { 1: 'explode' } } as never),
    /`faults` must be an object of crash/,
  );
  assert.throws(() => faultyExecutor({ parallelism: 0 }), /`parallelism` must be a whole number from 1/);
  assert.throws(() => faultyExecutor({ duration: -1 }), /`duration` must be milliseconds from 0/);
});

test.run();
