import fc from 'fast-check';
import { lastValueFrom, toArray } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inline } from '../../../lib/executors/inline.js';
import { grid } from '../../../lib/sources/grid.js';
import { linspace } from '../../../lib/sources/linspace.js';
import { Sweep } from '../../../lib/sources/sweep.js';
import { parallelMap } from '../../../operators/parallelMap.js';

const it = suite('grid');

const all = <T>(source: Sweep<T>): T[] => [...(source.values as Iterable<T>)];

it('is every combination, the last axis fastest', () => {
  assert.equal(all(grid([1, 2], ['a', 'b', 'c'])), [
    [1, 'a'],
    [1, 'b'],
    [1, 'c'],
    [2, 'a'],
    [2, 'b'],
    [2, 'c'],
  ]);
  assert.equal(all(grid({ x: [1, 2], y: [3, 4] })), [
    { x: 1, y: 3 },
    { x: 1, y: 4 },
    { x: 2, y: 3 },
    { x: 2, y: 4 },
  ]);
});

it('a grid takes sweeps as its axes', () => {
  assert.equal(all(grid({ x: linspace(0, 1, 2), y: linspace(2, 3, 2) })), [
    { x: 0, y: 2 },
    { x: 0, y: 3 },
    { x: 1, y: 2 },
    { x: 1, y: 3 },
  ]);
  assert.equal(all(grid(linspace(0, 1, 2))), [[0], [1]]);
  assert.equal(all(grid(grid([1], [2]), ['a'])), [[[1, 2], 'a']]);
});

it('takes any iterable as an axis, and reads it once', () => {
  let read = 0;
  function* axis() {
    for (const x of [1, 2]) {
      read++;
      yield x;
    }
  }
  const source = grid(axis(), new Set(['a']), Float64Array.of(0.5));
  assert.is(read, 2);
  for (let time = 0; time < 2; time++)
    assert.equal(all(source), [
      [1, 'a', 0.5],
      [2, 'a', 0.5],
    ]);
  assert.is(read, 2);
});

it('gives a new point each time', () => {
  const source = grid([{ shared: 1 }]);
  const [[a], [b]] = [all(source), all(source)];
  assert.is.not(a, b);
  assert.is(a?.[0], b?.[0]);
});

it('knows its total, without making the points', () => {
  const axis = Array.from({ length: 1_000 }, (_, i) => i);
  const source = grid(axis, axis, axis, axis);
  assert.instance(source, Sweep);
  assert.is(source.total, 1e12);
  const [first] = source.values as Iterable<number[]>;
  assert.equal(first, [0, 0, 0, 0]);
});

it('is empty where an axis is, or where there is none', () => {
  for (const source of [grid([1, 2], []), grid([]), grid(), grid({ x: [1], y: [] }), grid({})]) {
    assert.equal(all(source as Sweep<unknown>), []);
    assert.is(source.total, 0);
  }
});

it('is the product of its axes', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 4 }), axes => {
      const expected = axes.reduce<number[][]>(
        (points, axis) => points.flatMap(point => axis.map(x => [...point, x])),
        [[]],
      );
      const source = grid(...axes);
      assert.equal(all(source), expected);
      assert.is(source.total, expected.length);
      const named = Object.fromEntries(axes.map((axis, i) => [`k${i}`, axis]));
      assert.equal(
        all(grid(named)),
        expected.map(point => Object.fromEntries(point.map((x, i) => [`k${i}`, x]))),
      );
    }),
  );
});

it('suits spread and records', async () => {
  const executor = inline();
  const sums = grid([1, 2], [10, 20]).pipe(
    parallelMap((x: number, y: number) => x + y, { spread: true, executor }),
    toArray(),
  );
  assert.equal(await lastValueFrom(sums), [11, 21, 12, 22]);
  const products = grid({ x: [1, 2], y: [10, 20] }).pipe(
    parallelMap(({ x, y }: { x: number; y: number }) => x * y, { executor }),
    toArray(),
  );
  assert.equal(await lastValueFrom(products), [10, 20, 20, 40]);
});

it('refuses what cannot be iterated, with the axis', () => {
  const wrong = grid as (...all: unknown[]) => unknown;
  for (const [given, says] of [
    [[[1], 5], /grid: the axis 1 must be iterable, got number/],
    [[null], /grid: the axis 0 must be iterable, got null/],
    [[5], /grid: the axis 0 must be iterable, got number/],
    [[{ x: [1], y: 5 }], /grid: the axis y must be iterable, got number/],
    [[[1], { x: [1] }], /grid: the axis 1 must be iterable, got object/],
  ] as const)
    assert.throws(
      () => wrong(...given),
      (error: Error) => error instanceof TypeError && says.test(error.message),
    );
});

it.run();
