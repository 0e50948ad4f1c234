import * as assert from 'uvu/assert';
import {
  readClientHeartbeat,
  readWorkerHeartbeat,
} from '../../../../../lib/executors/cluster/protocol/validate.js';
import { type RedisServer, redisSuite, startRedis } from '../../../../support/cluster/redisServer.js';
import { openStores } from '../../../../support/cluster/stores.js';
import { timed } from '../../../../support/deadline.js';

const suite = redisSuite('HeartbeatStore');
const it = timed(suite);
let server: RedisServer;
suite.before(async () => {
  server = await startRedis();
});
suite.after(() => server.stop());

const [client, other] = ['0123456789abcdef', 'fedcba9876543210'] as const;
const waiting = { lastChunk: 7, chunks: [6, 7], lastRun: 3, runs: [2] };
const running = { threads: 2, address: 'host/1', count: 5, chunks: [`${client}-7`] };

it('HeartbeatStore gives a worker the heartbeats of its clients in the same trip, as they were put', async () => {
  await using stores = openStores(server);
  const { heartbeats, redis, keys } = stores;
  await heartbeats.putClient(client, waiting);
  assert.ok(await heartbeats.hasClient(client));
  const found = await heartbeats.putWorker('worker', running, [client, other]);
  assert.equal([...found.keys()], [client, other]);
  assert.equal(readClientHeartbeat(found.get(client) ?? ''), waiting);
  assert.is(found.get(other), null);
  const left = await redis.pttl(keys.client(client));
  assert.ok(left > 4_000 && left <= 6_000, `${left} ms`);
  await heartbeats.removeClient(client);
  assert.not.ok(await heartbeats.hasClient(client));
});

it('HeartbeatStore leaves out a client of which Redis does not say whether it is there', async () => {
  await using stores = openStores(server);
  const { heartbeats, redis, keys } = stores;
  await redis.sadd(keys.client(other), 'no text');
  const found = await heartbeats.putWorker('worker', running, [other, client]);
  assert.equal([...found], [[client, null]]);
});

it('HeartbeatStore lists the workers that are there, and takes the others out of the set', async () => {
  await using stores = openStores(server);
  const { heartbeats, redis, keys } = stores;
  await heartbeats.putWorker('here', running, []);
  await redis.sadd(keys.workers, 'gone');
  const workers = await heartbeats.workers();
  assert.equal(
    workers.map(([id, text]) => [id, readWorkerHeartbeat(text)]),
    [['here', running]],
  );
  assert.equal(await redis.smembers(keys.workers), ['here']);
  const left = await redis.pttl(keys.worker('here'));
  assert.ok(left > 1_000 && left <= 3_000, `${left} ms`);
  await heartbeats.removeWorker('here');
  assert.equal(await heartbeats.workers(), []);
  assert.is(await redis.exists(keys.workers, keys.worker('here')), 0);
});

suite.run();
