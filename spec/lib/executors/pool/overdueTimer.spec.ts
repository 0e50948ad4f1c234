import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OverdueTimer } from '../../../../lib/executors/pool/overdueTimer.js';
import { sleep } from '../../../support/deadline.js';

test('what was said while this thread was busy is heard before a worker counts as late', async () => {
  let late = 0;
  const patience: OverdueTimer = new OverdueTimer(
    () => patience.stop(),
    () => {
      late += 1;
    },
  );
  patience.restart(1);
  for (const end = performance.now() + 20; performance.now() < end; );
  await sleep(20);
  assert.is(late, 0);
});

test('a worker that has said nothing is late once, and one that has been waited for anew later', async () => {
  let late = 0;
  const patience = new OverdueTimer(
    () => undefined,
    () => {
      late += 1;
    },
  );
  patience.restart(1);
  patience.restart(30);
  await sleep(10);
  assert.is(late, 0);
  await sleep(60);
  assert.is(late, 1);
});

test.run();
