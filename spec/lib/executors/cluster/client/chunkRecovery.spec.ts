import { Subscriber } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ChunkRecovery } from '../../../../../lib/executors/cluster/client/chunkRecovery.js';
import { SentChunk } from '../../../../../lib/executors/cluster/client/sentChunk.js';
import { WorkerRegistry } from '../../../../../lib/executors/cluster/client/workerRegistry.js';
import { workerHeartbeatText } from '../../../../../lib/executors/cluster/protocol/codec.js';
import type { ChunkStore } from '../../../../../lib/executors/cluster/redis/chunkStore.js';
import type { JobQueue } from '../../../../../lib/executors/cluster/redis/jobQueue.js';

const client = '0123456789abcdef';

/** A chunk, the recovery that watches it, and a registry that is told who is there. */
function watched() {
  const run = { id: 1, definition: Buffer.alloc(0), stored: true };
  const chunk = new SentChunk(7, run, { bytes: Buffer.from('x'), length: 1 }, new Subscriber());
  const lost: string[] = [];
  const resent: number[] = [];
  const registry = new WorkerRegistry('queue', undefined);
  const recovery = new ChunkRecovery(client, registry, {
    chunks: () => [chunk],
    lost: (_chunk, reason) => lost.push(reason),
    resend: async ({ id }) => void resent.push(id),
  });
  let count = 0;
  /** Looks at a worker that says that it has these chunks; `undefined` where it says nothing. */
  const look = (chunks: string[] | undefined, { again = false } = {}) => {
    if (!again) count += 1;
    const heartbeat = { threads: 1, address: 'host/1', count, chunks: chunks ?? [] };
    registry.update(chunks ? [['worker', workerHeartbeatText(heartbeat)]] : []);
    recovery.checkTaken();
  };
  const take = () => {
    chunk.taken('worker');
    recovery.taken(chunk, 'worker');
  };
  return { chunk, recovery, lost, resent, look, take };
}

test('ChunkRecovery loses a chunk whose worker is missing in two looks in a row', () => {
  const { chunk, recovery, lost, look, take } = watched();
  const has = [`${client}-7`];
  look(has);
  take();
  look(undefined);
  assert.ok(recovery.isSuspect(chunk));
  look(has);
  assert.not.ok(recovery.isSuspect(chunk));
  look(undefined);
  assert.equal(lost, []);
  look(undefined);
  assert.equal(lost, ['the worker host/1 is gone']);
});

test('ChunkRecovery loses a chunk that its worker does not have in four heartbeats, each of which counts once', () => {
  const { chunk, recovery, lost, look, take } = watched();
  look([]);
  take();
  look([], { again: true });
  assert.not.ok(recovery.isSuspect(chunk), 'the heartbeat is from before the worker took it');
  for (let time = 0; time < 3; time++) {
    look([]);
    look([], { again: true });
  }
  assert.equal(lost, []);
  look([`${client}-7`]);
  for (let time = 0; time < 3; time++) look([]);
  assert.equal(lost, [], 'they count from the last heartbeat that has it');
  look([]);
  assert.equal(lost, ['the worker host/1 has lost the chunk']);
});

test('ChunkRecovery leaves a chunk alone that no worker has taken, whoever is there', () => {
  const { lost, look } = watched();
  for (let time = 0; time < 6; time++) look(time % 2 ? [] : undefined);
  assert.equal(lost, []);
});

/** What Redis has of the chunk: its inputs, its job. */
const redisWith = (inputs: boolean, job: boolean) =>
  [
    { hasInputs: async () => inputs } as unknown as ChunkStore,
    { has: async () => job } as unknown as JobQueue,
  ] as const;

test('ChunkRecovery sends a chunk again whose inputs or job are missing in two looks in a row', async () => {
  const { recovery, resent } = watched();
  await recovery.resendUntaken(...redisWith(false, true));
  await recovery.resendUntaken(...redisWith(true, true));
  await recovery.resendUntaken(...redisWith(true, false));
  assert.equal(resent, []);
  await recovery.resendUntaken(...redisWith(false, false));
  assert.equal(resent, [7]);
  await recovery.resendUntaken(...redisWith(false, false));
  assert.equal(resent, [7], 'it is counted anew');
});

test('ChunkRecovery does not send a chunk again that is over or was taken meanwhile', async () => {
  for (const meanwhile of ['over', 'taken'] as const) {
    const { chunk, recovery, resent } = watched();
    await recovery.resendUntaken(...redisWith(false, false));
    const looking = recovery.resendUntaken(...redisWith(false, false));
    if (meanwhile === 'over') chunk.subscriber.unsubscribe();
    else chunk.taken('worker');
    await looking;
    assert.equal(resent, [], meanwhile);
  }
});

test.run();
