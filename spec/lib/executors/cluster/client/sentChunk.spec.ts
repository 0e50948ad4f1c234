import { Observable, type Subscriber } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Report } from '../../../../../lib/executor.js';
import { SentChunk } from '../../../../../lib/executors/cluster/client/sentChunk.js';
import { toBytes } from '../../../../../lib/executors/cluster/protocol/codec.js';
import { MessageError } from '../../../../../lib/executors/cluster/protocol/errors.js';

/** Returns a chunk of so many inputs that were sent, the counts that it has emitted, and its subscription. */
function sent(length: number) {
  const counts: number[] = [];
  let subscriber: Subscriber<Report> | undefined;
  const subscription = new Observable<Report>(given => {
    subscriber = given;
  }).subscribe(({ count }) => counts.push(count));
  const run = { id: 1, definition: Buffer.alloc(0), stored: true };
  const inputs = { bytes: Buffer.from('inputs'), length };
  const chunk = new SentChunk(1, run, inputs, subscriber as unknown as Subscriber<Report>);
  return { chunk, counts, subscription };
}

const report = (count: number) => ({
  kind: 'report',
  count,
  rows: { length: count, shape: { kind: 'number' }, columns: [new Float64Array(count)] },
  failures: [],
  tag: {},
  elapsed: 1,
});
const message = (from: number, counts: number[], end?: object) =>
  toBytes({ from, reports: counts.map(report), ...(end && { end }) });

test('SentChunk emits reports in order, and returns how the chunk has ended', () => {
  const { chunk, counts } = sent(5);
  assert.is(chunk.receive(message(0, [2, 1]), 1e6), undefined);
  assert.equal(chunk.receive(message(3, [2], { kind: 'done' }), 1e6), { kind: 'done' });
  assert.equal(counts, [2, 1, 2]);
});

test('SentChunk ignores reports that come twice', () => {
  const { chunk, counts } = sent(5);
  chunk.receive(message(0, [2]), 1e6);
  assert.is(chunk.receive(message(0, [2], { kind: 'done' }), 1e6), undefined);
  assert.equal(counts, [2]);
});

test('SentChunk rejects reports that leave a gap, that are of more inputs than it has, or that are too large', () => {
  for (const [bytes, says] of [
    [message(1, [1]), /^reports\.from must be 0, got 1/],
    [message(0, [2, 4]), /^reports\[1\]\.count must be at most the 3 inputs that are left, got 4$/],
    [message(0, new Array(30).fill(0)), /bytes long, more than the 1000 of a message/],
  ] as const)
    assert.throws(
      () => sent(5).chunk.receive(bytes, 1_000),
      (error: Error) => error instanceof MessageError && says.test(error.message),
      `${says}`,
    );
});

test('SentChunk emits nothing more, and reports no end, once its subscriber has unsubscribed', () => {
  const { chunk, counts, subscription } = sent(5);
  subscription.unsubscribe();
  assert.ok(chunk.over);
  assert.is(chunk.receive(message(0, [2, 3], { kind: 'done' }), 1e6), undefined);
  assert.equal(counts, []);
});

test('SentChunk keeps its inputs until a worker has taken them', () => {
  const { chunk } = sent(5);
  assert.equal([chunk.inputs?.toString(), chunk.worker], ['inputs', undefined]);
  chunk.taken('worker');
  assert.equal([chunk.inputs, chunk.worker], [undefined, 'worker']);
});

test.run();
