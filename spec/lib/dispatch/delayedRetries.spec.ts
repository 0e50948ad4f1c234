import { asyncScheduler } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DelayedRetries } from '../../../lib/dispatch/delayedRetries.js';
import { NO_HISTORY, type Segment } from '../../../lib/dispatch/segment.js';
import { until } from '../../support/deadline.js';
import { inVirtualTime } from '../../support/virtualTime.js';

const segment = (first: number): Segment => ({ first, values: [first], alone: true, history: NO_HISTORY });

test('inputs that failed are due after their delay, in the order in which they failed', () =>
  inVirtualTime(({ clock, flush }) => {
    const log: unknown[] = [];
    const queue = new DelayedRetries(10, segments =>
      log.push([asyncScheduler.now(), ...segments.map(({ first }) => first)]),
    );
    const start = asyncScheduler.now();
    queue.add([segment(3), segment(1)]);
    clock.schedule(() => queue.add([segment(2)]), 4);
    clock.schedule(() => assert.is(queue.length, 3), 5);
    flush();
    assert.equal(log, [
      [start + 10, 3, 1],
      [start + 14, 2],
    ]);
    assert.is(queue.length, 0);
  }));

test('inputs that fail after all others were tried again become due too', () =>
  inVirtualTime(({ clock, flush }) => {
    const due: number[] = [];
    const queue = new DelayedRetries(5, segments => due.push(...segments.map(({ first }) => first)));
    queue.add([segment(0)]);
    clock.schedule(() => queue.add([segment(1)]), 20);
    flush();
    assert.equal(due, [0, 1]);
  }));

test('inputs of a run that is over are not tried again', () =>
  inVirtualTime(({ flush }) => {
    const queue = new DelayedRetries(5, () => assert.unreachable());
    queue.add([segment(0)]);
    queue.stop();
    assert.is(queue.length, 0);
    flush();
  }));

test('inputs are tried again under a clock that stands still, or was set back', async () => {
  const { now } = Date;
  try {
    for (const clock of [() => 5, () => now() - (Date.now === now ? 0 : 3_600_000)]) {
      const due: number[] = [];
      const queue = new DelayedRetries(5, segments => due.push(...segments.map(({ first }) => first)));
      queue.add([segment(0)]);
      Date.now = clock;
      queue.add([segment(1)]);
      await until(() => due.length === 2);
      assert.equal(due, [0, 1]);
      Date.now = now;
    }
  } finally {
    Date.now = now;
  }
});

test.run();
