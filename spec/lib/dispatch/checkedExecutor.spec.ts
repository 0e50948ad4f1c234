import { NEVER } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkedExecutor } from '../../../lib/dispatch/checkedExecutor.js';
import type { Executor, Run } from '../../../lib/executor.js';

const least = (more: object = {}): Executor => ({
  parallelism: 1,
  run: () => NEVER,
  close: async () => undefined,
  ...more,
});

test('an executor of three members has the default policy, and capabilities that do nothing', () => {
  const executor = checkedExecutor(least());
  assert.equal(executor.policy, { timeSlice: 8, maxInputs: 16_384 });
  assert.is(executor.parallelism(), 1);
  assert.equal([executor.changes, executor.prefetching], [undefined, undefined]);
  assert.is(executor.isWaiting({} as never), false);
  executor.poll();
  executor.forget({} as Run);
});

test('an executor may name one number of its policy, and the other is the default', () => {
  assert.equal(checkedExecutor(least({ chunkPolicy: { maxInputs: 5 } })).policy, {
    timeSlice: 8,
    maxInputs: 5,
  });
});

test('an executor whose numbers would keep a run waiting for ever is refused, with the number that it gave', () => {
  for (const [wrong, says] of [
    [{ parallelism: Number.NaN }, /`parallelism` must be a whole number from 1, or Infinity, got NaN/],
    [{ parallelism: 0 }, /`parallelism` .*got 0/],
    [{ parallelism: 1.5 }, /`parallelism` .*got 1.5/],
    [{ parallelism: '2' }, /`parallelism` .*got 2/],
    [{ chunkPolicy: { timeSlice: 0, maxInputs: 1 } }, /`chunkPolicy.timeSlice` must be milliseconds above 0/],
    [
      { chunkPolicy: { timeSlice: 8, maxInputs: 0 } },
      /`chunkPolicy.maxInputs` must be a whole number from 1/,
    ],
  ] as const)
    assert.throws(() => checkedExecutor(least(wrong)), says);
  assert.is(checkedExecutor(least({ parallelism: 0, changes: NEVER })).parallelism(), 0);
  assert.is(checkedExecutor(least({ parallelism: Infinity })).parallelism(), Infinity);
});

test('capabilities that are not what they should be are taken for missing', () => {
  const executor = checkedExecutor(
    least({ changes: 5, prefetching: {}, poll: 1, forget: 'x', isWaiting: {} }),
  );
  assert.equal([executor.changes, executor.prefetching], [undefined, undefined]);
  executor.poll();
  executor.forget({} as Run);
  assert.is(executor.isWaiting({} as never), false);
});

test('an executor that throws when it is asked what waits says nothing of it', () => {
  const isWaiting = () => {
    throw new Error('unknown');
  };
  assert.is(checkedExecutor(least({ isWaiting })).isWaiting({} as never), false);
});

test.run();
