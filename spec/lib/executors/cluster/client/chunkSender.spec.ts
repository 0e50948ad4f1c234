import { Subscriber } from 'rxjs';
import * as assert from 'uvu/assert';
import { ChunkSender } from '../../../../../lib/executors/cluster/client/chunkSender.js';
import { SentChunk } from '../../../../../lib/executors/cluster/client/sentChunk.js';
import { jobId } from '../../../../../lib/executors/cluster/redis/keys.js';
import { type RedisServer, redisSuite, startRedis } from '../../../../support/cluster/redisServer.js';
import { openStores, type Stores } from '../../../../support/cluster/stores.js';
import { timed, until } from '../../../../support/deadline.js';

const suite = redisSuite('ChunkSender');
const it = timed(suite);
let server: RedisServer;
suite.before(async () => {
  server = await startRedis();
});
suite.after(() => server.stop());

const client = '0123456789abcdef';
const job = jobId(client, 1);

/** A sender, and a chunk to send. */
async function prepare({ chunks, jobs }: Stores) {
  const queue = await jobs();
  const sender = new ChunkSender(client, chunks, Promise.resolve(queue), command => {
    command.catch(() => undefined);
  });
  const run = { id: 1, definition: Buffer.from('definition'), stored: false };
  const chunk = new SentChunk(1, run, { bytes: Buffer.from('inputs'), length: 1 }, new Subscriber());
  return { queue, sender, run, chunk };
}

it('ChunkSender sends inputs and a job, and the definition of the run with its first chunk only', async () => {
  await using stores = openStores(server);
  const { chunks } = stores;
  const { queue, sender, run, chunk } = await prepare(stores);
  await sender.send(chunk);
  assert.equal([await queue.has(job), await chunks.hasInputs(client, 1), run.stored], [true, true, true]);
  assert.equal(await chunks.readDefinition(client, 1, 100), run.definition);
  await chunks.removeDefinition(client, 1);
  await sender.send(chunk);
  assert.is(await chunks.readDefinition(client, 1, 100), undefined);
  await sender.resend(chunk);
  assert.equal(await chunks.readDefinition(client, 1, 100), run.definition, 'Redis may have lost it');
});

it('ChunkSender sends no chunk that is over, or that a worker has taken', async () => {
  await using stores = openStores(server);
  const { queue, sender, chunk } = await prepare(stores);
  chunk.taken('worker');
  await sender.send(chunk);
  const { sender: other, chunk: over } = await prepare(stores);
  over.subscriber.unsubscribe();
  await other.send(over);
  assert.equal(await queue.longestWaiting(9), []);
});

it('ChunkSender removes a chunk once it is in the queue, and tells the workers', async () => {
  await using stores = openStores(server);
  const { chunks, redis } = stores;
  const { queue, sender, chunk } = await prepare(stores);
  const subscriber = redis.duplicate();
  const heard: unknown[] = [];
  await chunks.subscribeCancelled(subscriber, message => heard.push(JSON.parse(message)));
  chunk.queued = sender.send(chunk);
  await sender.remove(chunk, () => false);
  assert.equal([await queue.has(job), await chunks.hasInputs(client, 1)], [false, false]);
  await until(() => heard.length > 0);
  assert.equal(heard, [{ client, chunks: [1], runs: [] }]);
  subscriber.disconnect();
});

it('ChunkSender forgets a definition that is in Redis, once, and tells the workers', async () => {
  await using stores = openStores(server);
  const { chunks, redis } = stores;
  const { sender, run, chunk } = await prepare(stores);
  const subscriber = redis.duplicate();
  const heard: unknown[] = [];
  await chunks.subscribeCancelled(subscriber, message => heard.push(JSON.parse(message)));
  sender.forget(run);
  await sender.send(chunk);
  sender.forget(run);
  sender.forget(run);
  await until(() => heard.length > 0);
  assert.is(await chunks.readDefinition(client, 1, 100), undefined);
  assert.equal(heard, [{ client, chunks: [], runs: [1] }]);
  subscriber.disconnect();
});

suite.run();
