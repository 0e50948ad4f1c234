import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { trapOf } from '../../../lib/worker/trapOf.js';

test('an object that was left behind throws whatever is done with it, and says what to do', () => {
  const trap = trapOf('f', '`this`') as Record<string, unknown>;
  for (const use of [
    () => trap.x,
    () => {
      trap.x = 1;
    },
    () => 'x' in trap,
    () => delete trap.x,
    () => Object.keys(trap),
    () => Object.getPrototypeOf(trap),
    () => ({ ...trap }),
  ])
    assert.throws(use, /the task f uses `this`.*`args` or `kwargs`.*task\(import\.meta/);
});

test.run();
