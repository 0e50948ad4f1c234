import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FailurePolicy } from '../../../lib/dispatch/failurePolicy.js';
import { InFlightChunk } from '../../../lib/dispatch/inFlightChunk.js';
import { type InputHistory, NO_HISTORY } from '../../../lib/dispatch/segment.js';
import { TaskError, TaskTimeoutError, WorkerCrashError } from '../../../lib/errors.js';
import { ChunkTimeoutError, type Run, WorkerLostError } from '../../../lib/executor.js';
import { CallSite } from '../../../lib/options/callSite.js';
import type { FailureMode } from '../../../lib/options/mapOptions.js';

const run: Run = {
  task: x => x,
  args: [],
  kwargs: undefined,
  spread: false,
  concurrency: 1,
  taskTimeout: 5,
};
const died = new WorkerLostError({ exitCode: 1, reason: 'died' });

const policyOf = (failures: FailureMode, count = 0) =>
  new FailurePolicy(run, { failures, retry: { count, delay: 0 }, calledAt: new CallSite() });

const chunkOf = (inputs: string, settled = 0, history: InputHistory = NO_HISTORY): InFlightChunk => {
  const listener = { report() {}, failed() {}, completed() {} };
  const values = [...inputs];
  const segment = { first: 10, values, alone: false, history };
  const chunk = new InFlightChunk({ run, first: 10, inputs: values }, segment, undefined, listener);
  chunk.settled = settled;
  return chunk;
};

const reportOf = (...rows: readonly unknown[]) => {
  const good = rows.filter(row => !(row instanceof Error));
  return {
    count: rows.length,
    rows: { length: good.length, shape: { kind: 'row' as const }, columns: [good] },
    failures: rows.flatMap((cause, offset) => (cause instanceof Error ? [{ offset, cause }] : [])),
    elapsed: 0,
  };
};

test('a failure ends the run with the rows before it, and nothing after', () => {
  const verdict = policyOf('end the run').judge(chunkOf('abcd', 1), reportOf('B', new Error('c'), 'D'));
  assert.equal(
    verdict.batches.map(({ first, count }) => [first, count]),
    [[11, 1]],
  );
  assert.instance(verdict.fatal, TaskError);
  assert.is(verdict.fatal?.index, 12);
  assert.is(verdict.fatal?.input, 'c');
});

test('failures that are collected or emitted stand in their batch under their index', () => {
  for (const mode of ['collect', 'emit'] as const) {
    const { batches, fatal } = policyOf(mode).judge(
      chunkOf('abc'),
      reportOf(new Error('a'), 'B', new Error('c')),
    );
    assert.is(fatal, undefined);
    assert.equal(
      batches.map(({ first, count, failures }) => [first, count, failures.map(({ index }) => index)]),
      [[10, 3, [10, 12]]],
    );
  }
});

test('an input that is to be tried again leaves a gap, and takes one attempt more with it', () => {
  const { batches, retries } = policyOf('collect', 2).judge(
    chunkOf('abc', 0, { crashes: 1, attempts: 1 }),
    reportOf('A', new Error('b'), 'C'),
  );
  assert.equal(
    batches.map(({ first, count }) => [first, count]),
    [
      [10, 1],
      [12, 1],
    ],
  );
  assert.equal(retries, [{ first: 11, values: ['b'], alone: true, history: { crashes: 0, attempts: 2 } }]);
});

test('a worker that dies makes suspects of all that had not settled, and counts for each of them', () => {
  assert.equal(policyOf('collect').judgeLoss(chunkOf('abc', 1, { crashes: 1, attempts: 4 }), died), {
    kind: 'suspect',
    history: { crashes: 2, attempts: 4 },
  });
});

test('an input has ended its worker when it was with three that died, alone at last', () => {
  const policy = policyOf('emit');
  const judge = (crashes: number) => policy.judgeLoss(chunkOf('a', 0, { crashes, attempts: 0 }), died);
  assert.equal([judge(0).kind, judge(1).kind], ['suspect', 'suspect']);
  const verdict = judge(2);
  assert.ok(verdict.kind === 'failed');
  assert.instance(verdict.batches[0]?.failures[0], WorkerCrashError);
});

test('an input that is late alone has timed out, and one among others is a suspect that no crash counts for', () => {
  const policy = policyOf('end the run');
  assert.equal(policy.judgeLoss(chunkOf('ab'), new ChunkTimeoutError()), {
    kind: 'suspect',
    history: NO_HISTORY,
  });
  const verdict = policy.judgeLoss(chunkOf('a'), new ChunkTimeoutError());
  assert.ok(verdict.kind === 'failed');
  assert.instance(verdict.fatal, TaskTimeoutError);
});

test('nobody is to blame where the worker had run nothing, or all had settled; other errors end the run', () => {
  const policy = policyOf('collect');
  const atStart = new WorkerLostError({ exitCode: 1, reason: 'died' }, true);
  assert.equal(policy.judgeLoss(chunkOf('ab'), atStart), { kind: 'give again' });
  assert.equal(policy.judgeLoss(chunkOf('ab', 2), died), { kind: 'give again' });
  assert.equal(policy.judgeLoss(chunkOf('ab'), new Error('of the executor')), { kind: 'end' });
});

test('a number that is tried again is kept apart from its block, which takes other inputs meanwhile', () => {
  const block = Float64Array.of(1, 2, 3);
  const segment = { first: 0, values: block, alone: false, history: NO_HISTORY };
  const listener = { report() {}, failed() {}, completed() {} };
  const chunk = new InFlightChunk({ run, first: 0, inputs: block }, segment, undefined, listener);
  const { retries } = policyOf('collect', 1).judge(chunk, reportOf(1, new Error('two'), 3));
  block.fill(9);
  assert.equal(Array.from(retries[0]?.values ?? []), [2]);
});

test.run();
