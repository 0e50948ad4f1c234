import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NotTransferableError } from '../../../../../lib/errors.js';
import type { Run } from '../../../../../lib/executor.js';
import { SharedRuns } from '../../../../../lib/executors/cluster/client/sharedRuns.js';
import { readDefinition } from '../../../../../lib/executors/cluster/protocol/validate.js';

const runOf = (args: readonly unknown[]): Run => ({
  task: (x: number) => x,
  args,
  kwargs: { k: 3 },
  spread: false,
  concurrency: 1,
  taskTimeout: 50,
});

test('SharedRuns makes the definition of a run once, and numbers the runs', () => {
  const runs = new SharedRuns({ root: '/', maxMessage: 10_000 });
  const [first, second] = [runOf([1]), runOf([2])];
  const shared = runs.share(first);
  assert.is(runs.share(first), shared);
  assert.equal([shared.id, runs.share(second).id, runs.lastId], [1, 2, 2]);
  const { args, kwargs, taskTimeout } = readDefinition(shared.definition);
  assert.equal([args, kwargs, taskTimeout, shared.stored], [[1], { k: 3 }, 50, false]);
});

test('SharedRuns forgets a run that is over, once', () => {
  const runs = new SharedRuns({ root: '/', maxMessage: 10_000 });
  const run = runOf([1]);
  const shared = runs.share(run);
  assert.equal(runs.active, [shared]);
  assert.is(runs.forget(run), shared);
  assert.is(runs.forget(run), undefined);
  assert.equal([runs.active, runs.lastId], [[], 1]);
});

test('SharedRuns refuses a definition that is longer than a message, and keeps nothing of it', () => {
  const runs = new SharedRuns({ root: '/', maxMessage: 1_024 });
  assert.throws(
    () => runs.share(runOf(['x'.repeat(2_000)])),
    (error: unknown) =>
      error instanceof NotTransferableError && error.what === 'args' && /maxMessage/.test(error.message),
  );
  assert.equal([runs.active, runs.lastId], [[], 0]);
});

test.run();
