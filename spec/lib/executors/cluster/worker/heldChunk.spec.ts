import { NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ChunkTimeoutError, type Report } from '../../../../../lib/executor.js';
import { HeldChunk } from '../../../../../lib/executors/cluster/worker/heldChunk.js';
import type { Reporter } from '../../../../../lib/executors/cluster/worker/reporter.js';

const job = { client: '0123456789abcdef', run: 1, chunk: 7 };
const report = { count: 3 } as Report;

/** Takes the place of a reporter: notes how many reports came, and calls what is to be called where the client is gone. */
function reporterOf() {
  const added: (() => void)[] = [];
  const reporter = { add: (_message: unknown, onGone: () => void) => added.push(onGone) };
  return { reporter: reporter as unknown as Reporter, added };
}

test('HeldChunk passes reports on, counts what has settled, and ends as its execution does', async () => {
  const { reporter, added } = reporterOf();
  const chunk = new HeldChunk(job);
  assert.is(chunk.id, '0123456789abcdef-7');
  assert.equal(await chunk.execute(of(report, report), reporter), { kind: 'done' });
  assert.equal([chunk.settled, added.length], [6, 2]);
  const failed = new HeldChunk(job).execute(
    throwError(() => new ChunkTimeoutError()),
    reporter,
  );
  assert.equal(await failed, { kind: 'expired' });
});

test('HeldChunk that is stopped before it runs does not run, and the first stop counts', async () => {
  const chunk = new HeldChunk(job);
  chunk.cancel();
  chunk.handBack();
  const never = new Observable<Report>(() => assert.unreachable());
  assert.is(await chunk.execute(never, reporterOf().reporter), 'cancelled');
});

test('HeldChunk that is stopped while it runs unsubscribes, and says whether anything is to be reported', async () => {
  for (const [stop, end] of [
    ['cancel', 'cancelled'],
    ['handBack', { kind: 'done' }],
  ] as const) {
    const reports = new Subject<Report>();
    const chunk = new HeldChunk(job);
    const ended = chunk.execute(reports, reporterOf().reporter);
    assert.ok(reports.observed);
    chunk[stop]();
    assert.not.ok(reports.observed);
    assert.equal(await ended, end);
  }
});

test('HeldChunk is cancelled when a report finds its client gone', async () => {
  const { reporter, added } = reporterOf();
  const chunk = new HeldChunk(job);
  const reports = new Subject<Report>();
  const ended = chunk.execute(reports, reporter);
  reports.next(report);
  added[0]?.();
  assert.is(await ended, 'cancelled');
});

test('HeldChunk that is stopped within the first report, before subscribe has returned, unsubscribes all the same', async () => {
  let unsubscribed = false;
  const chunk = new HeldChunk(job);
  const reporter = { add: () => chunk.cancel() } as unknown as Reporter;
  const reports = new Observable<Report>(subscriber => {
    subscriber.next(report);
    NEVER.subscribe(subscriber);
    return () => {
      unsubscribed = true;
    };
  });
  assert.is(await chunk.execute(reports, reporter), 'cancelled');
  assert.ok(unsubscribed);
});

test.run();
