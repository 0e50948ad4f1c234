import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Pulse } from '../../../../lib/executors/pool/pulse.js';
import { sleep, until } from '../../../support/deadline.js';

test('a pulse beats as long as that is of use, and again when it is started anew', async () => {
  let ofUse = true;
  let asked = 0;
  const pulse = new Pulse(1, () => {
    asked += 1;
    return ofUse;
  });
  await sleep(10);
  assert.equal([pulse.count[0], asked], [0, 0], 'not before it is started');
  for (let time = 0; time < 2; time++) {
    ofUse = true;
    const before = pulse.count[0] as number;
    pulse.start();
    pulse.start();
    await until(() => (pulse.count[0] as number) >= before + 3);
    ofUse = false;
    const last = asked;
    await until(() => asked > last);
    const [beats, questions] = [pulse.count[0], asked];
    await sleep(10);
    assert.equal([pulse.count[0], asked], [beats, questions], 'nobody is asked any more');
  }
});

test('a pulse beats at once where it is told to, and not after it was stopped', async () => {
  const pulse = new Pulse(1, () => true);
  pulse.beat();
  assert.is(pulse.count[0], 1);
  pulse.start();
  pulse.stop();
  await sleep(10);
  assert.is(pulse.count[0], 1);
});

test.run();
