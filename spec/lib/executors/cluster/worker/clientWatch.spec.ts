import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clientHeartbeatText } from '../../../../../lib/executors/cluster/protocol/codec.js';
import { ClientWatch } from '../../../../../lib/executors/cluster/worker/clientWatch.js';

const [one, other] = ['1111111111111111', '2222222222222222'] as const;
const waiting = { lastChunk: 2, chunks: [2], lastRun: 1, runs: [1] };
const there = clientHeartbeatText(waiting);

/** A watch, and what it tells. */
function watchOf() {
  const told: string[] = [];
  const watch = new ClientWatch({
    waits: (client, heartbeat) => {
      assert.equal(heartbeat, waiting);
      told.push(`${client[0]} waits`);
    },
    gone: client => told.push(`${client[0]} is gone`),
    rejected: client => told.push(`${client[0]} is rejected`),
  });
  const look = (answers: Record<string, string | null>) =>
    watch.look(Object.keys(answers), async () => new Map(Object.entries(answers)));
  return { watch, told, look };
}

test('ClientWatch tells what a client waits for, and that it is gone when it is missing in two looks in a row', async () => {
  const { told, look } = watchOf();
  await look({ [one]: there, [other]: null });
  await look({ [one]: null, [other]: there });
  await look({ [one]: there, [other]: null });
  assert.equal(told.splice(0), ['1 waits', '2 waits', '1 waits']);
  await look({ [one]: there, [other]: null });
  assert.equal(told, ['1 waits', '2 is gone']);
});

test('ClientWatch does not count a look in which Redis said nothing of a client', async () => {
  const { watch, told, look } = watchOf();
  await look({ [one]: null });
  await watch.look([one], async () => new Map());
  assert.equal(told, []);
  await watch.look([one], () => Promise.reject(new Error('cut off'))).catch(() => undefined);
  await look({ [one]: null });
  assert.equal(told, ['1 is gone']);
});

test('ClientWatch counts anew for a client that was not asked for meanwhile', async () => {
  const { told, look } = watchOf();
  await look({ [one]: null });
  await look({ [other]: there });
  await look({ [one]: null });
  assert.equal(told, ['2 waits']);
});

test('ClientWatch rejects a heartbeat that cannot be read, and goes on with the others', async () => {
  const { told, look } = watchOf();
  await look({ [one]: '{"last":', [other]: there });
  assert.equal(told, ['1 is rejected', '2 waits']);
});

test.run();
