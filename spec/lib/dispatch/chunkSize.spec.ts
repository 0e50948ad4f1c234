import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ChunkSize } from '../../../lib/dispatch/chunkSize.js';

const policy = { timeSlice: 8, maxInputs: 1000 };
const MANY = 1_000_000;

test('one at first, whatever waits', () => {
  assert.is(new ChunkSize(policy, 4, undefined).next(MANY), 1);
  assert.is(new ChunkSize(policy, 4, undefined).full, 1);
});

test('grows eightfold a time, up to the limit, while tasks are quick', () => {
  const size = new ChunkSize(policy, 2, undefined);
  const sizes = [];
  for (let i = 0; i < 5; i++) {
    sizes.push(size.next(MANY));
    size.measured(size.full, 0.001 * size.full);
  }
  assert.equal(sizes, [1, 8, 64, 512, 1000]);
});

test('fills the slice, and no more', () => {
  const size = new ChunkSize(policy, 2, undefined);
  for (let i = 0; i < 20; i++) size.measured(10, 10 * 0.5);
  assert.is(size.full, 16);
  assert.is(size.next(MANY), 16);
});

test('a task as long as the slice, or longer: one at a time', () => {
  const size = new ChunkSize(policy, 2, undefined);
  for (const elapsed of [8, 9, 5000]) {
    size.measured(1, elapsed);
    assert.is(size.next(MANY), 1);
  }
});

test('a burst of quick tasks before slow ones: small again after one report', () => {
  const size = new ChunkSize(policy, 2, undefined);
  for (let i = 0; i < 10; i++) size.measured(size.full, 0.001 * size.full);
  assert.is(size.full, 1000);
  size.measured(1, 100);
  assert.is(size.full, 1);
});

test('dearer tasks count by half, however many they are; cheaper ones by their number', () => {
  const size = new ChunkSize({ timeSlice: 8.5, maxInputs: 1000 }, 2, undefined);
  size.measured(8, 8);
  size.measured(4, 12);
  assert.is(size.cost, (1 + 3) / 2);
  assert.is(size.full, 4);
  size.measured(3, 3);
  assert.is(size.cost, (2 + 3) / 4);
  assert.is(size.full, 6);
});

test('slow tasks before quick ones: grows again within a few reports', () => {
  const size = new ChunkSize(policy, 2, undefined);
  size.measured(1, 100);
  for (let i = 0; i < 20; i++) size.measured(size.full, 0.01 * size.full);
  assert.is(size.full, 800);
});

test('towards the end: half of each worker’s share of what is left', () => {
  const size = new ChunkSize(policy, 4, undefined);
  for (let i = 0; i < 20; i++) size.measured(100, 100 * 0.1);
  assert.is(size.full, 80);
  assert.equal(
    [800, 640, 639, 320, 80, 8, 1].map(waiting => size.next(waiting)),
    [80, 80, 80, 40, 10, 2, 2],
  );
});

test('at the end of very quick tasks: not divided below what a trip is worth', () => {
  const size = new ChunkSize(policy, 4, undefined);
  for (let i = 0; i < 20; i++) size.measured(1000, 1000 * 0.001);
  assert.is(size.next(8), 250);
});

test('a report of several slices among quick ones: one by one again, however many were quick', () => {
  const size = new ChunkSize(policy, 2, undefined);
  for (let i = 0; i < 10; i++) size.measured(size.full, 0.001 * size.full);
  assert.is(size.full, 1000);
  size.measured(1000, 15);
  assert.is(size.full, 1000, 'a pause of the machine');
  size.measured(1000, 17);
  assert.is(size.full, 1);
  assert.is(size.next(15), 1);
  const sizes = [];
  for (let i = 0; i < 4; i++) {
    size.measured(size.full, 0.001 * size.full);
    sizes.push(size.full);
  }
  assert.equal(sizes, [8, 64, 512, 1000]);
});

test('a fixed size: one by one where slow inputs came back, until tasks are quick again', () => {
  const size = new ChunkSize(policy, 2, 100);
  assert.is(size.next(MANY, true), 100);
  size.measured(85, 200);
  assert.equal([size.next(MANY, true), size.next(MANY)], [1, 100]);
  size.measured(1, 1);
  assert.is(size.next(MANY, true), 100);
});

test('a fixed size: that, whatever was measured', () => {
  const size = new ChunkSize(policy, 4, 5);
  assert.is(size.next(MANY), 5);
  size.measured(5, 0.001);
  size.measured(5, 5000);
  assert.is(size.next(1), 5);
  assert.is(size.full, 5);
});

test('a report of nothing says nothing', () => {
  const size = new ChunkSize(policy, 4, undefined);
  size.measured(0, 100);
  size.measured(1, 0.001);
  assert.is(size.full, 8);
});

test('time too short to be measured: no division by zero', () => {
  const size = new ChunkSize(policy, 4, undefined);
  for (let i = 0; i < 9; i++) size.measured(size.full, 0);
  assert.is(size.full, 1000);
});

test('an endless slice of one input, as of inline: always one', () => {
  const size = new ChunkSize({ timeSlice: Infinity, maxInputs: 1 }, Infinity, undefined);
  size.measured(1, 0.001);
  assert.is(size.next(MANY), 1);
});

test('whatever is measured: a whole number from 1 to the limit, and more for more that waits', () => {
  const measured = fc.array(fc.tuple(fc.nat(2000), fc.double({ min: 0, max: 1e5, noNaN: true })));
  fc.assert(
    fc.property(
      measured,
      fc.integer({ min: 1, max: 64 }),
      fc.nat(1e6),
      fc.nat(1e6),
      (reports, workers, a, b) => {
        const size = new ChunkSize(policy, workers, undefined);
        for (const [count, elapsed] of reports) size.measured(count, elapsed);
        const [fewer, more] = [Math.min(a, b), Math.max(a, b)].map(waiting => size.next(waiting)) as [
          number,
          number,
        ];
        assert.ok(Number.isInteger(fewer) && fewer >= 1);
        assert.ok(Number.isInteger(more) && more <= size.full && size.full <= policy.maxInputs);
        assert.ok(fewer <= more);
      },
    ),
  );
});

test('a source and workers without end still make chunks of whole inputs', () => {
  const size = new ChunkSize(policy, Infinity, undefined);
  assert.is(size.next(Infinity), 1);
  size.measured(1, 0.001);
  assert.is(size.next(Infinity), 8);
});

test.run();
