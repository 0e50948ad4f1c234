import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Run } from '../../../lib/executor.js';
import { RoundRobin } from '../../../lib/queues/roundRobin.js';

const runOf = (name: string) => ({ name }) as unknown as Run;
const [a, b] = [runOf('a'), runOf('b')];

test('runs take turns, and what waits of one run goes in its order', () => {
  const turns = new RoundRobin<{ run: Run; id: string }>();
  for (const id of ['a1', 'a2', 'a3']) turns.add({ run: a, id });
  turns.add({ run: b, id: 'b1' });
  const order = Array.from({ length: 4 }, () => turns.take(() => true)?.id);
  assert.equal(order, ['a1', 'b1', 'a2', 'a3']);
  assert.is(
    turns.take(() => true),
    undefined,
  );
});

test('one that may not go yet is passed over, and keeps its place', () => {
  const turns = new RoundRobin<{ run: Run; id: string }>();
  for (const id of ['a1', 'a2']) turns.add({ run: a, id });
  assert.is(turns.take(({ id }) => id !== 'a1')?.id, 'a2');
  assert.is(turns.length, 1);
  assert.is(turns.take(() => true)?.id, 'a1');
});

test('one that does not wait any more is not given a turn', () => {
  const turns = new RoundRobin<{ run: Run; id: string }>();
  const one = { run: a, id: 'a1' };
  turns.add(one);
  turns.delete(one);
  turns.delete(one);
  assert.equal([turns.length, turns.take(() => true)], [0, undefined]);
});

test.run();
