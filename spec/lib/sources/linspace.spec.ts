import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { linspace } from '../../../lib/sources/linspace.js';
import { Sweep } from '../../../lib/sources/sweep.js';

const it = suite('linspace');

const all = (start: number, stop: number, count: number) => [
  ...(linspace(start, stop, count).values as Iterable<number>),
];

it('is evenly spaced, with both ends', () => {
  assert.equal(all(0, 1, 5), [0, 0.25, 0.5, 0.75, 1]);
  assert.equal(all(1, -1, 3), [1, 0, -1]);
  assert.equal(all(2, 2, 3), [2, 2, 2]);
  assert.equal(all(0.9, 1.1, 201).length, 201);
  assert.is(all(0.9, 1.1, 201)[200], 1.1);
});

it('is its start for a count of one, and nothing for none', () => {
  assert.equal(all(3, 9, 1), [3]);
  assert.equal(all(3, 9, 0), []);
});

it('knows its total, and can be read as often as wanted', () => {
  const source = linspace(0, 1, 3);
  assert.instance(source, Sweep);
  assert.is(source.total, 3);
  const seen: number[] = [];
  for (let time = 0; time < 2; time++) source.subscribe(x => seen.push(x));
  assert.equal(seen, [0, 0.5, 1, 0, 0.5, 1]);
});

it('begins and ends exactly, and is in order', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e150, max: 1e150 });
  fc.assert(
    fc.property(finite, finite, fc.integer({ min: 2, max: 300 }), (start, stop, count) => {
      const values = all(start, stop, count);
      assert.is(values.length, count);
      assert.ok(Object.is(values[0], start) || values[0] === start);
      assert.ok(Object.is(values[count - 1], stop));
      const up = stop >= start;
      for (const [i, value] of values.slice(1).entries())
        assert.ok(up ? value >= values[i]! : value <= values[i]!);
    }),
  );
});

it('refuses what is no number', () => {
  const wrong = linspace as (...all: unknown[]) => unknown;
  for (const [given, says] of [
    [['0', 1, 2], /TypeError: linspace: `start` must be a number, got string/],
    [[0, undefined, 2], /TypeError: linspace: `stop` must be a number, got undefined/],
    [[0, 1, 2.5], /RangeError: linspace: `count` must be a whole number from 0, got 2.5/],
    [[0, 1, -1], /RangeError: linspace: `count` must be a whole number from 0, got -1/],
    [[0, 1], /linspace: `count` must be a whole number from 0, got undefined/],
    [[0, 1, Infinity], /RangeError: linspace: `count`/],
  ] as const)
    assert.throws(
      () => wrong(...given),
      (error: Error) => says.test(`${error.name}: ${error.message}`),
    );
});

it.run();
