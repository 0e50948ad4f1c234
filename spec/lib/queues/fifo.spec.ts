import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Fifo } from '../../../lib/queues/fifo.js';

test('a first-in, first-out list gives its items in their order, however they come and go', () => {
  const list = new Fifo<number>();
  let next = 0;
  let taken = 0;
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 200; i++) list.push(next++);
    for (let i = 0; i < 150; i++) assert.is(list.shift(), taken++);
    assert.is(list.length, next - taken);
    assert.is(list.first, taken);
  }
  while (list.length > 0) assert.is(list.shift(), taken++);
  assert.is(taken, next);
  assert.is(list.shift(), undefined);
  assert.is(list.length, 0);
});

test('the first item of a list can be replaced, and all of them cleared', () => {
  const list = new Fifo<string>();
  list.push('a');
  list.push('b');
  list.replaceFirst('A');
  assert.equal([list.shift(), list.length], ['A', 1]);
  list.clear();
  assert.equal([list.first, list.length], [undefined, 0]);
});

test.run();
