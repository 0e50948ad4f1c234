import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RemoteRun } from '../../../../../lib/executors/cluster/worker/remoteChunkCodec.js';
import { RemoteRuns } from '../../../../../lib/executors/cluster/worker/remoteRuns.js';

const [one, other] = ['1111111111111111', '2222222222222222'] as const;

/** Returns runs, and what was fetched and forgotten. */
function runsOf(found: (id: number) => boolean = () => true) {
  const fetched: string[] = [];
  const forgotten: unknown[] = [];
  const runs = new RemoteRuns(
    async (client, id) => {
      fetched.push(`${client[0]}:${id}`);
      return found(id) ? ({ client, id } as unknown as RemoteRun) : undefined;
    },
    run => forgotten.push((run as unknown as { id: number }).id),
  );
  return { runs, fetched, forgotten };
}
const settled = () => new Promise(resolve => setImmediate(resolve));

test('RemoteRuns fetches a run once, and again where it was not there', async () => {
  const { runs, fetched } = runsOf(id => id === 1);
  await Promise.all([runs.get(one, 1), runs.get(one, 1), runs.get(other, 1)]);
  assert.is(await runs.get(one, 2), undefined);
  await runs.get(one, 2);
  assert.equal(fetched, ['1:1', '2:1', '1:2', '1:2']);
  assert.equal(runs.clients, [one, other]);
});

test('RemoteRuns forgets the runs that a client does not wait for, and keeps what is newer than its heartbeat', async () => {
  const { runs, forgotten } = runsOf();
  for (const id of [1, 2, 3, 4]) await runs.get(one, id);
  await runs.get(other, 1);
  runs.forgetOver(one, { lastChunk: 0, chunks: [], lastRun: 3, runs: [2] });
  await settled();
  assert.equal(forgotten, [1, 3]);
  runs.forgetClient(one);
  await settled();
  assert.equal(forgotten, [1, 3, 2, 4], 'all of a client that is gone');
  assert.equal(runs.clients, [other]);
  runs.forget(other, 1);
  runs.forget(other, 1);
  await settled();
  assert.equal(forgotten, [1, 3, 2, 4, 1]);
});

test.run();
