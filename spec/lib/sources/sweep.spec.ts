import { from, interval, lastValueFrom, map, take, toArray } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inline } from '../../../lib/executors/inline.js';
import { Sweep, sweep } from '../../../lib/sources/sweep.js';
import { parallelMap } from '../../../operators/parallelMap.js';
import { timed } from '../../support/deadline.js';

const sweeps = suite('sweep');
const it = timed(sweeps);

const all = <T>(source: Sweep<T>) => lastValueFrom(source.pipe(toArray()));

it('is an Observable of what is iterated', async () => {
  assert.equal(await all(sweep([1, 2, 3])), [1, 2, 3]);
  assert.equal(await all(sweep(new Set(['a', 'b']))), ['a', 'b']);
  assert.equal(await all(sweep('abc')), ['a', 'b', 'c']);
  assert.equal(await all(sweep(new Map([[1, 2]]))), [[1, 2]]);
  assert.equal(await all(sweep(Float64Array.of(1, -0))), [1, -0]);
  assert.equal(await all(sweep([])), []);
  async function* later() {
    yield 1;
    yield 2;
  }
  assert.equal(await all(sweep(later())), [1, 2]);
});

it('pushes to ordinary operators, as `from` does', () => {
  const seen: number[] = [];
  sweep([1, 2, 3])
    .pipe(map(x => 2 * x))
    .subscribe(x => seen.push(x));
  assert.equal(seen, [2, 4, 6], 'at once');
});

it('is read anew for each subscriber, where that can be', async () => {
  const twice = sweep([1, 2]);
  assert.equal(
    [await all(twice), await all(twice)],
    [
      [1, 2],
      [1, 2],
    ],
  );
});

it('knows its total where it can be known', () => {
  function* some() {
    yield 1;
  }
  assert.is(sweep([1, 2]).total, 2);
  assert.is(sweep(new Set([1])).total, 1);
  assert.is(sweep(new Float64Array(7)).total, 7);
  assert.is(sweep([]).total, 0);
  assert.is(sweep(some()).total, undefined);
  assert.is(sweep(some(), { total: 1 }).total, 1);
  assert.is(sweep(some(), {}).total, undefined);
  assert.is(sweep('a𝛑').total, undefined, 'a text has fewer characters than its length says');
  assert.instance(sweep([]), Sweep);
});

it('is pulled by a parallel operator', async () => {
  let read = 0;
  let closed = 0;
  function* endless() {
    try {
      for (;;) yield read++;
    } finally {
      closed++;
    }
  }
  const rows = await lastValueFrom(
    sweep(endless()).pipe(
      parallelMap((x: number) => x + 1, { executor: inline() }),
      take(3),
      toArray(),
    ),
  );
  assert.equal(rows, [1, 2, 3]);
  assert.equal([read, closed], [3, 1], 'and its generator is closed');
});

it('that fails has the run fail', async () => {
  function* broken() {
    yield 1;
    throw new Error('no more');
  }
  for (const values of [
    broken,
    async function* () {
      yield* broken();
    },
  ]) {
    const rows: number[] = [];
    const error = await new Promise<Error>((resolve, reject) =>
      sweep<number>(values())
        .pipe(parallelMap((x: number) => x, { executor: inline() }))
        .subscribe({
          next: x => rows.push(x),
          error: resolve,
          complete: () => reject(new Error('completed')),
        }),
    );
    assert.equal([error.message, rows], ['no more', [1]]);
  }
});

it('refuses what cannot be iterated', () => {
  const wrong = sweep as (...all: unknown[]) => unknown;
  for (const [values, got] of [
    [undefined, 'undefined'],
    [null, 'null'],
    [5, 'number'],
    [{}, 'object'],
    [() => [], 'function'],
    [from([1]), 'object'],
    [interval(1), 'object'],
  ] as const)
    assert.throws(
      () => wrong(values),
      (error: Error) => error instanceof TypeError && error.message.endsWith(`got ${got}`),
    );
  assert.throws(() => wrong([1], { total: -1 }), /sweep: `total` must be a whole number from 0, got -1/);
  assert.throws(() => wrong([1], { count: 1 }), /sweep: there is no option `count`/);
});

sweeps.run();
