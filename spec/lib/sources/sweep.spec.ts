import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { from, interval, lastValueFrom, map, type Observable, take, toArray } from 'rxjs';
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

it('a sweep whose generator was read errors at the second subscription, pulled or pushed, and gives no remainder', async () => {
  function* points() {
    for (let i = 0; i < 10; i++) yield i;
  }
  async function* later() {
    yield* points();
  }
  const makers: (() => Sweep<number>)[] = [
    () => sweep(points()),
    () => sweep(later()),
    () => sweep<number>(Readable.from(points())),
    () => sweep<number>(ReadableStream.from(points())),
    () => sweep(points()).map(x => x),
    () => sweep(later()).filter(() => true),
    () => sweep([0]).concat(points()),
  ];
  for (const make of makers)
    for (const again of ['pulled', 'pushed']) {
      const once = make();
      await lastValueFrom(
        once.pipe(
          parallelMap(x => x, { executor: inline() }),
          take(3),
        ),
      );
      const second: Observable<unknown> =
        again === 'pulled' ? once.pipe(parallelMap(x => x, { executor: inline() })) : once.pipe(map(x => x));
      const error = await lastValueFrom(second).catch((reason: TypeError) => reason);
      assert.instance(error, TypeError, `${make} ${again}`);
      assert.match((error as TypeError).message, /have been read already and cannot begin anew/);
    }
});

it('a sweep of an object that makes an iterator each time is read as often as there are subscribers', async () => {
  function* points() {
    yield 1;
    yield 2;
  }
  const many = sweep({ [Symbol.iterator]: points });
  assert.equal(
    [await all(many), await all(many)],
    [
      [1, 2],
      [1, 2],
    ],
  );
});

it('a sweep can be iterated over, and one of an async iterable says how', async () => {
  assert.equal([...sweep([1, 2, 3])], [1, 2, 3]);
  async function* later() {
    yield 1;
  }
  assert.throws(() => [...sweep(later())], /`for await`/);
});

it('map, filter and concat of a sweep pull, and know their total where it can be known', async () => {
  let read = 0;
  function* numbers() {
    for (;;) yield read++;
  }
  const some = sweep({ [Symbol.iterator]: numbers })
    .filter((x, index) => x === index && x % 2 === 0)
    .map((x, index) => [x, index]);
  const rows = await lastValueFrom(
    some.pipe(
      parallelMap(x => x, { executor: inline() }),
      take(3),
      toArray(),
    ),
  );
  assert.equal(rows, [
    [0, 0],
    [2, 1],
    [4, 2],
  ]);
  assert.ok(read < 10, `${read} were read`);
  async function* later() {
    yield 5;
    yield 6;
  }
  assert.equal(await all(sweep(later()).map(x => -x)), [-5, -6]);
  assert.equal(await all(sweep(later()).filter(x => x > 5)), [6]);
  const both = sweep([1, 2]).concat(sweep([3]), new Set([4]));
  assert.equal([await all(both), both.total], [[1, 2, 3, 4], 4]);
  assert.equal([...sweep([1]).concat([2])], [1, 2]);
  const mixed = sweep([1]).concat(later());
  assert.equal([await all(mixed), mixed.total], [[1, 5, 6], undefined]);
  assert.equal([sweep([1, 2]).map(x => x).total, sweep([1, 2]).filter(() => true).total], [2, undefined]);
});

it('a predicate or projection of a sweep that throws is the error of the run', async () => {
  const oops = new Error('of the projection');
  const broken = sweep([1, 2]).map(x => {
    if (x === 2) throw oops;
    return x;
  });
  const error = await lastValueFrom(broken.pipe(parallelMap(x => x, { executor: inline() }))).catch(e => e);
  assert.is(error, oops);
});

sweeps.run();
