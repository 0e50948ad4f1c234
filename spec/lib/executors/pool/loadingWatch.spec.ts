import process from 'node:process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LoadingWatch } from '../../../../lib/executors/pool/loadingWatch.js';
import { sleep } from '../../../support/deadline.js';

test('a module that does not end loading is told once, whichever worker loads it', async () => {
  const warnings: Error[] = [];
  const hear = (warning: Error) => warnings.push(warning);
  process.on('warning', hear);
  try {
    const [quick, one, other] = [new LoadingWatch(), new LoadingWatch(), new LoadingWatch()];
    for (let second = 0; second <= 30; second++) {
      // It loads one module after another, and none for long.
      quick.look(second % 10 ? 'file:///quick.js' : undefined, 1_000);
      if (second === 30) assert.equal(warnings, []);
      one.look('file:///slow.js', 1_000);
      other.look('file:///slow.js', 1_000);
      await sleep(0);
    }
    assert.equal(
      warnings.map(({ name }) => name),
      ['SlowModuleWarning'],
    );
    assert.match(warnings[0]?.message ?? '', /^a worker has been loading file:\/\/\/slow\.js for 30 s/);
  } finally {
    process.off('warning', hear);
  }
});

test.run();
