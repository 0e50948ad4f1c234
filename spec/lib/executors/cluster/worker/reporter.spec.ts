import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readReports } from '../../../../../lib/executors/cluster/protocol/validate.js';
import { Reporter } from '../../../../../lib/executors/cluster/worker/reporter.js';
import type { ReportMessage } from '../../../../../lib/protocol/messages.js';
import { sleep, until } from '../../../../support/deadline.js';

const report = (length: number, text = 'x'): ReportMessage => ({
  kind: 'report',
  count: length,
  rows: { length, shape: { kind: 'row' }, columns: [new Array(length).fill(text)] },
  failures: [],
  tag: {},
  elapsed: length,
  last: false,
});

test('Reporter gathers reports, which follow one another without a gap', async () => {
  const sent: Buffer[] = [];
  const reporter = new Reporter(1e6, async payload => sent.push(payload) > 0);
  reporter.add(report(2), assert.unreachable);
  reporter.add(report(3), assert.unreachable);
  await until(() => sent.length > 0);
  reporter.add(report(4), assert.unreachable);
  await reporter.end({ kind: 'done' });
  assert.equal(
    sent.map(readReports).map(({ from, reports, end }) => [from, reports.length, end?.kind]),
    [
      [0, 2, undefined],
      [5, 1, 'done'],
    ],
  );
});

test('Reporter divides reports longer than a message, and rejects once where some part is not sent', async () => {
  const unheard: unknown[] = [];
  const hear = (error: unknown) => void unheard.push(error);
  process.on('unhandledRejection', hear);
  let sent = 0;
  const reporter = new Reporter(1_000, () => {
    sent += 1;
    return sent < 3 ? Promise.reject(new Error('OOM')) : Promise.resolve(true);
  });
  reporter.add(report(40, 'x'.repeat(100)), () => undefined);
  await reporter.end({ kind: 'done' }).then(
    () => assert.unreachable(),
    error => assert.is(error.message, 'OOM'),
  );
  await sleep(20);
  process.off('unhandledRejection', hear);
  assert.ok(sent > 4);
  assert.equal(unheard, []);
});

test('Reporter tells that the client is gone once a report finds nobody', async () => {
  let gone = 0;
  const reporter = new Reporter(1_000, async () => false);
  reporter.add(report(1), () => {
    gone += 1;
  });
  await until(() => gone > 0);
  reporter.cancel();
});

test.run();
