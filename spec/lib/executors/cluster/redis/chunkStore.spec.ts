import * as assert from 'uvu/assert';
import { MessageError } from '../../../../../lib/executors/cluster/protocol/errors.js';
import { type RedisServer, redisSuite, startRedis } from '../../../../support/cluster/redisServer.js';
import { openStores } from '../../../../support/cluster/stores.js';
import { timed, until, within } from '../../../../support/deadline.js';

const suite = redisSuite('ChunkStore');
const it = timed(suite);
let server: RedisServer;
suite.before(async () => {
  server = await startRedis();
});
suite.after(() => server.stop());

const client = '0123456789abcdef';
const waiting = { lastChunk: 1, chunks: [1], lastRun: 1, runs: [1] };

it('ChunkStore gives the inputs of a chunk to one worker, and tells the client in the same step', async () => {
  await using stores = openStores(server);
  const { chunks, heartbeats, redis } = stores;
  await heartbeats.putClient(client, waiting);
  await chunks.putInputs(client, 1, Buffer.from('inputs'));
  assert.ok(await chunks.hasInputs(client, 1));
  assert.equal(await chunks.takeInputs(client, 1, 'first', 100), Buffer.from('inputs'));
  assert.is(await chunks.takeInputs(client, 1, 'second', 100), undefined);
  assert.not.ok(await chunks.hasInputs(client, 1));
  const entries = await chunks.readReports(redis, client, '0-0');
  assert.equal(
    entries.map(({ chunk, worker, reports }) => [chunk, worker, reports]),
    [[1, 'first', undefined]],
  );
});

it('ChunkStore gives the size of inputs that are too large, and removes them', async () => {
  await using stores = openStores(server);
  const { chunks, heartbeats } = stores;
  await heartbeats.putClient(client, waiting);
  await chunks.putInputs(client, 1, Buffer.alloc(101));
  assert.is(await chunks.takeInputs(client, 1, 'worker', 100), 101);
  assert.not.ok(await chunks.hasInputs(client, 1));
});

it('ChunkStore gives no inputs of a client that is gone, takes no reports for it, and leaves no stream', async () => {
  await using stores = openStores(server);
  const { chunks, redis, keys } = stores;
  await chunks.putInputs(client, 1, Buffer.from('inputs'));
  assert.is(await chunks.takeInputs(client, 1, 'worker', 100), undefined);
  assert.not.ok(await chunks.hasInputs(client, 1));
  assert.is(await chunks.addReports(client, 1, Buffer.from('reports')), false);
  assert.is(await redis.exists(keys.reports(client)), 0);
});

it('ChunkStore removes the reports up to the last one that was read, and no further', async () => {
  await using stores = openStores(server);
  const { chunks, heartbeats, redis } = stores;
  await heartbeats.putClient(client, waiting);
  for (const text of ['one', 'two', 'three'])
    assert.is(await chunks.addReports(client, 1, Buffer.from(text)), true);
  const [, second] = await chunks.readReports(redis, client, '0-0');
  await chunks.trimReports(client, second?.id ?? '');
  const left = await chunks.readReports(redis, client, '0-0');
  assert.equal(
    left.map(({ reports }) => reports?.toString()),
    ['three'],
  );
});

it('ChunkStore keeps an emptied stream, so that no id of an entry comes twice', async () => {
  await using stores = openStores(server);
  const { chunks, heartbeats, redis, keys } = stores;
  await heartbeats.putClient(client, waiting);
  await chunks.addReports(client, 1, Buffer.from('one'));
  await chunks.emptyReports(client);
  assert.equal([await redis.exists(keys.reports(client)), await redis.xlen(keys.reports(client))], [1, 0]);
  await chunks.removeReports(client);
  assert.is(await redis.exists(keys.reports(client)), 0);
});

it('ChunkStore reads a definition that is there, and rejects one that is too large', async () => {
  await using stores = openStores(server);
  const { chunks } = stores;
  assert.is(await chunks.readDefinition(client, 1, 100), undefined);
  await chunks.putDefinition(client, 1, Buffer.alloc(100, 'x'));
  assert.equal(await chunks.readDefinition(client, 1, 100), Buffer.alloc(100, 'x'));
  await chunks.readDefinition(client, 1, 99).then(
    () => assert.unreachable(),
    error => {
      assert.instance(error, MessageError);
      assert.match(error.message, /the definition is 100 bytes long, more than the 99 of a message/);
    },
  );
});

it('ChunkStore lets everything that it writes expire, and prolongs what is there', async () => {
  await using stores = openStores(server);
  const { chunks, heartbeats, redis, keys } = stores;
  await heartbeats.putClient(client, waiting);
  await chunks.putDefinition(client, 1, Buffer.from('definition'));
  await chunks.putInputs(client, 2, Buffer.from('inputs'));
  await chunks.addReports(client, 1, Buffer.from('reports'));
  const written = [keys.definition(client, 1), keys.inputs(client, 2), keys.reports(client)];
  for (const key of written) {
    const left = await redis.pttl(key);
    assert.ok(left > 15_000 && left <= 20_000, `${key}: ${left} ms`);
    await redis.pexpire(key, 1_000);
  }
  assert.is(await chunks.prolongDefinition(client, 1), true);
  await chunks.prolongInputs(client, 2);
  await chunks.prolongReports(client);
  for (const key of written) assert.ok((await redis.pttl(key)) > 15_000, key);
  await chunks.removeDefinition(client, 1);
  assert.is(await chunks.prolongDefinition(client, 1), false, 'it is not there');
});

it('ChunkStore removes the definition and the reports that a client has left of a run, and nothing else', async () => {
  await using stores = openStores(server);
  const { chunks, heartbeats, redis, keys } = stores;
  await heartbeats.putClient(client, waiting);
  await chunks.putDefinition(client, 1, Buffer.from('one'));
  await chunks.putDefinition(client, 2, Buffer.from('two'));
  await chunks.addReports(client, 1, Buffer.from('reports'));
  await chunks.removeRun(client, 1);
  assert.is(await redis.exists(keys.definition(client, 1), keys.reports(client)), 0);
  assert.is(await redis.exists(keys.definition(client, 2)), 1);
});

it('ChunkStore tells those who listen what is cancelled', async () => {
  await using stores = openStores(server);
  const { chunks, redis } = stores;
  const subscriber = redis.duplicate();
  const heard: string[] = [];
  await chunks.subscribeCancelled(subscriber, message => heard.push(message));
  const cancelled = { client, chunks: [1, 2], runs: [3] };
  await chunks.publishCancelled(cancelled);
  await within(
    5,
    until(() => heard.length > 0),
  );
  subscriber.disconnect();
  assert.equal(
    heard.map(message => JSON.parse(message)),
    [cancelled],
  );
});

suite.run();
