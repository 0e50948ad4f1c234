import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_TIMER_MS } from '../../../lib/runtime/clock.js';
import { startTimer } from '../../../lib/runtime/startTimer.js';
import { sleep, until } from '../../support/deadline.js';

test('a timer calls back once after its delay, and not once it was stopped', async () => {
  const calls: string[] = [];
  startTimer(() => calls.push('kept'), 2);
  startTimer(() => calls.push('stopped'), 2).stop();
  await until(() => calls.length > 0);
  await sleep(10);
  assert.equal(calls, ['kept']);
});

test('a delay that is longer than a timer takes does not end at once', async () => {
  const calls: number[] = [];
  const timers = [MAX_TIMER_MS + 1, 2 ** 40, Number.MAX_SAFE_INTEGER].map(delay =>
    startTimer(() => calls.push(delay), delay, { unref: true }),
  );
  await sleep(20);
  assert.equal(calls, []);
  for (const timer of timers) timer.stop();
});

test.run();
