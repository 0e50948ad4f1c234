import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ReorderBuffer } from '../../../lib/dispatch/reorderBuffer.js';
import type { SettledBatch } from '../../../lib/dispatch/settledBatch.js';
import { noRows } from '../../../lib/serialization/columnBatch.js';

const block = (first: number, count: number): SettledBatch => ({
  first,
  count,
  inputs: [],
  offset: 0,
  rows: noRows,
  failures: [],
});

test('releases a block when all before it are there, and each with those that wait for it', () => {
  const forgotten: number[][] = [];
  const order = new ReorderBuffer(({ first, count }) => forgotten.at(-1)!.push(first, count));
  const add = (first: number, count: number) => {
    forgotten.push([]);
    order.add(block(first, count));
  };
  add(2, 1);
  add(5, 2);
  add(0, 2);
  add(7, 1);
  add(3, 2);
  assert.equal(forgotten, [[], [], [0, 2, 2, 1], [], [3, 2, 5, 2, 7, 1]]);
  assert.is(order.next, 8);
});

test('any order of blocks: each is forgotten once, in order, as early as can be', () => {
  const arrivals = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 30 }).chain(counts => {
    let first = 0;
    const blocks = counts.map(count => {
      first += count;
      return block(first - count, count);
    });
    return fc.shuffledSubarray(blocks, { minLength: blocks.length });
  });
  fc.assert(
    fc.property(arrivals, blocks => {
      const forgotten: SettledBatch[] = [];
      const order = new ReorderBuffer(block => forgotten.push(block));
      blocks.forEach((block, i) => {
        order.add(block);
        const there = new Map(blocks.slice(0, i + 1).map(block => [block.first, block]));
        const due: SettledBatch[] = [];
        for (let next = 0; there.has(next); next += there.get(next)!.count) due.push(there.get(next)!);
        assert.is(forgotten.length, due.length);
        assert.ok(forgotten.every((block, i) => block === due[i]));
      });
      assert.is(forgotten.length, blocks.length);
    }),
  );
});

test.run();
