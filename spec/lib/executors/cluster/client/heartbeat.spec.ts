import * as assert from 'uvu/assert';
import { Heartbeat } from '../../../../../lib/executors/cluster/client/heartbeat.js';
import { readClientHeartbeat } from '../../../../../lib/executors/cluster/protocol/validate.js';
import { type RedisServer, redisSuite, startRedis } from '../../../../support/cluster/redisServer.js';
import { openStores, type Stores } from '../../../../support/cluster/stores.js';
import { sleep, timed, until } from '../../../../support/deadline.js';

const suite = redisSuite('Heartbeat');
const it = timed(suite, 20);
let server: RedisServer;
suite.before(async () => {
  server = await startRedis();
});
suite.after(() => server.stop());

const client = '0123456789abcdef';
const waiting = { lastChunk: 4, chunks: [3, 4], lastRun: 2, runs: [2] };

/** A heartbeat of `client` that notes what it calls. */
function heartbeatOf({ heartbeats }: Stores, ready: Promise<unknown> = Promise.resolve()) {
  const calls: string[] = [];
  const found: string[][] = [];
  const errors: Error[] = [];
  const heartbeat = new Heartbeat(client, heartbeats, ready, {
    state: () => waiting,
    due: () => calls.push('due'),
    prolong: () => calls.push('prolong'),
    workers: workers => found.push(workers.map(([id]) => id)),
    recover: async () => void calls.push('recover'),
    failed: error => errors.push(error),
  });
  const count = (call: string) => calls.filter(made => made === call).length;
  return { heartbeat, count, found, errors };
}

it('Heartbeat says at once what its client waits for, looks who works, and takes it back when it stops', async () => {
  await using stores = openStores(server);
  const { heartbeats, redis, keys } = stores;
  await heartbeats.putWorker('worker', { threads: 1, address: 'a', count: 1, chunks: [] }, []);
  const { heartbeat, found, errors } = heartbeatOf(stores);
  heartbeat.start();
  assert.ok(heartbeat.started);
  await until(() => found.length > 0, 0.4);
  assert.equal(found[0], ['worker']);
  assert.equal(readClientHeartbeat((await redis.get(keys.client(client))) ?? ''), waiting);
  heartbeat.stop();
  assert.not.ok(heartbeat.started);
  for (let tries = 0; await heartbeats.hasClient(client); tries++) assert.ok(tries < 100, 'it is taken back');
  assert.equal(errors, []);
});

it('Heartbeat comes twice a second, and prolongs and recovers every tenth time', async () => {
  await using stores = openStores(server);
  const { heartbeat, count, found } = heartbeatOf(stores);
  heartbeat.start();
  await sleep(3_000);
  assert.ok(found.length >= 4 && found.length <= 8, `${found.length} heartbeats in 3 s`);
  assert.equal([count('prolong'), count('recover')], [0, 0]);
  await until(() => count('recover') === 1, 6);
  assert.is(count('prolong'), 1);
  heartbeat.stop();
  const { length } = found;
  await sleep(1_200);
  assert.ok(found.length <= length + 1, 'it has stopped');
});

it('Heartbeat is due, and says nothing, while Redis does not answer', async () => {
  await using stores = openStores(server);
  let answer: (value?: undefined) => void = () => undefined;
  const ready = new Promise<void>(resolve => {
    answer = resolve;
  });
  const { heartbeat, count, found } = heartbeatOf(stores, ready);
  heartbeat.start();
  await until(() => count('due') >= 3);
  assert.is(await stores.heartbeats.hasClient(client), false);
  answer();
  await until(() => found.length > 0);
  assert.is(await stores.heartbeats.hasClient(client), true);
  heartbeat.stop();
});

it('Heartbeat that starts again while the last one is under way says at once that its client is there', async () => {
  await using stores = openStores(server);
  const { heartbeat } = heartbeatOf(stores, new Promise(() => undefined));
  heartbeat.start();
  heartbeat.stop();
  heartbeat.start();
  for (let tries = 0; !(await stores.heartbeats.hasClient(client)); tries++)
    assert.ok(tries < 100, 'it is said');
  heartbeat.stop();
});

it('Heartbeat tells of errors of Redis, and goes on', async () => {
  await using stores = openStores(server);
  const { heartbeat, errors, found } = heartbeatOf(stores);
  await stores.redis.set(stores.keys.workers, 'no set');
  heartbeat.start();
  await until(() => errors.length > 0);
  await stores.redis.del(stores.keys.workers);
  await until(() => found.length > 0);
  heartbeat.stop();
});

suite.run();
