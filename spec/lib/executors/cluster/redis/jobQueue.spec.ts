import * as assert from 'uvu/assert';
import { OrphanedJobs } from '../../../../../lib/executors/cluster/client/orphanedJobs.js';
import { jobId } from '../../../../../lib/executors/cluster/redis/keys.js';
import { type RedisServer, redisSuite, startRedis } from '../../../../support/cluster/redisServer.js';
import { openStores } from '../../../../support/cluster/stores.js';
import { timed } from '../../../../support/deadline.js';

const suite = redisSuite('JobQueue');
const it = timed(suite);
let server: RedisServer;
suite.before(async () => {
  server = await startRedis();
});
suite.after(() => server.stop());

const [own, there, dead] = ['0123456789abcdef', '1111111111111111', '2222222222222222'] as const;

it('JobQueue has the jobs that were added, the longest waiting last, until they are removed', async () => {
  await using stores = openStores(server);
  const queue = await stores.jobs();
  for (const chunk of [1, 2, 3]) await queue.add({ client: own, run: 1, chunk });
  assert.equal(await queue.longestWaiting(2), [jobId(own, 2), jobId(own, 1)]);
  assert.is(await queue.has(jobId(own, 1)), true);
  await queue.remove(jobId(own, 1));
  assert.is(await queue.has(jobId(own, 1)), false);
  assert.equal(await queue.longestWaiting(5), [jobId(own, 3), jobId(own, 2)]);
});

it('JobQueue removes a job that a lost worker has locked once it is unlocked', async () => {
  await using stores = openStores(server);
  const queue = await stores.jobs();
  const base = stores.keys.workers.replace(/:parfor:workers$/, '');
  await queue.add({ client: own, run: 1, chunk: 1 });
  await stores.redis.set(`${base}:${jobId(own, 1)}:lock`, 'a worker that is gone');
  await queue.remove(jobId(own, 1)).catch(() => undefined);
  assert.is(await queue.has(jobId(own, 1)), true, 'it is locked');
  await queue.unlock(jobId(own, 1));
  await queue.remove(jobId(own, 1));
  assert.is(await queue.has(jobId(own, 1)), false);
  await stores.redis.sadd(`${base}:stalled`, jobId(own, 1));
  await queue.forgetStalled(jobId(own, 1));
  assert.is(await stores.redis.exists(`${base}:stalled`), 0);
});

it('OrphanedJobs removes the jobs of clients that are missing in two looks, and no others', async () => {
  await using stores = openStores(server);
  const queue = await stores.jobs();
  await stores.heartbeats.putClient(there, { lastChunk: 1, chunks: [1], lastRun: 1, runs: [1] });
  for (const client of [own, there, dead]) await queue.add({ client, run: 1, chunk: 1 });
  const orphans = new OrphanedJobs(own, stores.heartbeats);
  await orphans.removeFrom(queue);
  assert.is((await queue.longestWaiting(9)).length, 3, 'a client may be back by the next look');
  await orphans.removeFrom(queue);
  assert.equal((await queue.longestWaiting(9)).sort(), [jobId(own, 1), jobId(there, 1)].sort());
});

suite.run();
