import * as assert from 'uvu/assert';
import { type ClusterWorker, clusterWorker } from '../../../../lib/executors/cluster/index.js';
import { contract } from '../../../contract/contract.js';
import { ContractCluster } from '../../../support/cluster/contractCluster.js';
import {
  hasRedis,
  leftovers,
  type RedisServer,
  redisSuite,
  startRedis,
} from '../../../support/cluster/redisServer.js';
import { sleep } from '../../../support/deadline.js';

let server: RedisServer;
let worker: ClusterWorker;

// Suites run in the order of their definition: the first one starts what the contract's suites need, the last ends it.
const before = redisSuite('bullmq: a Redis for the contract');
before('a Redis and a worker start for the contract', async () => {
  server = await startRedis();
  // For programs, which run tasks and own no worker.
  const queue = 'programs';
  worker = await clusterWorker({
    queue,
    connection: { url: server.url },
    root: '/',
    threads: 2,
    allowInline: true,
    grace: 100,
  });
  process.env.RX_PARFOR_SPEC_REDIS = server.url;
  process.env.RX_PARFOR_SPEC_QUEUE = queue;
});
before.run();

if (hasRedis())
  contract('bullmq', options => new ContractCluster(server.port, options), {
    crosses: true,
    sharesMemory: false,
    processes: false,
    remote: true,
  });

const after = redisSuite('bullmq: after the contract');
after(
  'after the contract nothing is left in Redis but what BullMQ keeps of a queue, and what is about to expire',
  async () => {
    const left = async () => {
      const keys: string[] = [];
      for (const key of await leftovers(server)) if ((await server.redis.pttl(key)) < 0) keys.push(key);
      return keys;
    };
    // Programs of the contract end as they like, without a word to Redis; the worker drops what they left when it takes it.
    for (const end = performance.now() + 15_000; performance.now() < end && (await left()).length > 0; )
      await sleep(100);
    await worker.close();
    const keys = await left();
    await server.stop();
    assert.equal(keys, []);
  },
);
after.run();
