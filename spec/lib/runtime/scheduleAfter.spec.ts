import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_TIMER_MS } from '../../../lib/runtime/clock.js';
import { scheduleAfter } from '../../../lib/runtime/scheduleAfter.js';
import { inVirtualTime } from '../../support/virtualTime.js';

test('an action runs after its delay, also where that is longer than a timer takes', () =>
  inVirtualTime(({ clock, flush }) => {
    const start = clock.now();
    const log: number[] = [];
    const delays = [0, 5, MAX_TIMER_MS, MAX_TIMER_MS + 1, 2.5 * MAX_TIMER_MS];
    for (const delay of delays) scheduleAfter(delay, () => log.push(clock.now() - start));
    flush();
    assert.equal(log, delays);
  }));

test('an action does not run once it was unsubscribed from, in any part of its delay', () =>
  inVirtualTime(({ clock, flush }) => {
    const action = scheduleAfter(2 * MAX_TIMER_MS, () => assert.unreachable());
    clock.schedule(() => action.unsubscribe(), MAX_TIMER_MS + 5);
    flush();
    assert.ok(action.closed);
  }));

test.run();
