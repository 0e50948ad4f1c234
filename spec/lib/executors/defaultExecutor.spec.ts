import { range } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultExecutor } from '../../../lib/executors/defaultExecutor.js';
import { physicalCores } from '../../../lib/executors/physicalCores.js';
import { parallelMap } from '../../../operators/parallelMap.js';
import { rowsOf } from '../../contract/subject.js';
import { where } from '../../fixtures/tasks.js';
import { timed } from '../../support/deadline.js';
import { run } from '../../support/program.js';

const shared = suite('the shared executor');
const it = timed(shared);

it('is one for all runs that name none', async () => {
  assert.is(defaultExecutor(), defaultExecutor());
  assert.is(defaultExecutor().parallelism, physicalCores());
  const [here] = [`${process.pid}/0`];
  const one = await rowsOf(range(0, 4).pipe(parallelMap(where, { concurrency: 1 })));
  const two = await rowsOf(range(0, 4).pipe(parallelMap(where, { concurrency: 1 })));
  assert.is(new Set([...one, ...two]).size, 1, 'the same thread');
  assert.is.not(one[0], here);
});

it('keeps a program alive while it runs, and no longer', async () => {
  const [ran, awaited, again, idle, left] = await Promise.all(
    ['run', 'await', 'again', 'nothing', 'unsubscribe'].map(deed => run('lifetime', ['shared', deed])),
  );
  assert.equal([ran?.code, ran?.stdout.trim(), ran?.stderr], [0, `rows: ${new Array(6).fill(50)}`, '']);
  assert.equal([awaited?.code, awaited?.stdout.trim(), awaited?.stderr], [0, 'rows: 0,1,4', '']);
  assert.equal([again?.code, again?.stdout.trim(), again?.stderr], [0, 'rows: 0,1,4', '']);
  assert.equal([idle?.code, idle?.stdout.trim(), idle?.stderr], [0, 'nothing', '']);
  assert.equal([left?.code, left?.stdout.trim()], [0, 'unsubscribed']);
  // Well before its idle threads would have ended.
  for (const ended of [ran, awaited, again, idle, left])
    assert.ok((ended?.elapsed ?? 9_999) < 4_500, `it lived for ${ended?.elapsed} ms`);
});

shared.run();
