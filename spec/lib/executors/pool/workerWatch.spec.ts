import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type WatchedChunk, WorkerWatch } from '../../../../lib/executors/pool/workerWatch.js';
import { timed, until } from '../../../support/deadline.js';

const watches = suite('the watch on a worker');
const it = timed(watches);

it('a worker that does not answer is told, and one that has answered meanwhile is not', async () => {
  const log: string[] = [];
  const watch = (name: string, current: () => WatchedChunk | undefined, poll = () => {}) => {
    const watch = new WorkerWatch({
      current,
      isProven: () => true,
      poll: () => {
        log.push(`${name} polled`);
        poll();
      },
      unresponsive: () => log.push(`${name} unresponsive`),
    });
    watch.start();
    return watch;
  };
  const due = { isAnswerDue: true, loading: undefined };
  let unheard: WatchedChunk | undefined = due;
  const all = [
    watch('silent', () => due),
    watch(
      'unheard',
      () => unheard,
      () => {
        unheard = undefined;
      },
    ),
    watch('at work', () => ({ isAnswerDue: false, loading: undefined })),
    watch('with another chunk each time', () => ({ ...due })),
    watch('idle', () => undefined),
  ];
  try {
    await until(() => log.includes('silent unresponsive'));
    assert.equal(log.slice(0, 3).sort(), ['silent polled', 'silent unresponsive', 'unheard polled']);
  } finally {
    for (const each of all) each.stop();
  }
});

watches.run();
