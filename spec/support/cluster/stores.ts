import { ChunkStore } from '../../../lib/executors/cluster/redis/chunkStore.js';
import { connectionTo } from '../../../lib/executors/cluster/redis/connection.js';
import { HeartbeatStore } from '../../../lib/executors/cluster/redis/heartbeatStore.js';
import { JobQueue } from '../../../lib/executors/cluster/redis/jobQueue.js';
import { Keys } from '../../../lib/executors/cluster/redis/keys.js';
import { type ScriptedRedis, withScripts } from '../../../lib/executors/cluster/redis/scriptedRedis.js';
import type { RedisServer } from './redisServer.js';

/** What clients and workers have of one queue in Redis. */
export interface Stores extends AsyncDisposable {
  readonly redis: ScriptedRedis;
  readonly keys: Keys;
  readonly chunks: ChunkStore;
  readonly heartbeats: HeartbeatStore;
  /** Opens BullMQ's queue; called once at most. */
  jobs(): Promise<JobQueue>;
}

let queues = 0;

/** Opens the stores of a queue of its own. */
export function openStores(server: RedisServer): Stores {
  queues += 1;
  const name = { queue: `stores-${queues}`, prefix: 'bull' };
  const redis = withScripts(connectionTo({ url: server.url }));
  const keys = new Keys(name);
  let queue: Promise<JobQueue> | undefined;
  return {
    redis,
    keys,
    chunks: new ChunkStore(redis, keys),
    heartbeats: new HeartbeatStore(redis, keys),
    jobs: () => {
      queue ??= JobQueue.open(name, redis, () => undefined);
      redis.connect().catch(() => undefined);
      return queue;
    },
    [Symbol.asyncDispose]: async () => {
      await (await queue)?.close();
      redis.disconnect();
    },
  };
}
