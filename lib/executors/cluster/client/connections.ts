import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type ClusterConnection, connectionTo, Hold } from '../redis/connection.js';
import type { QueueName } from '../redis/keys.js';
import { type ScriptedRedis, withScripts } from '../redis/scripts.js';

/** A client's connections to Redis. */
export interface Link {
  readonly commands: ScriptedRedis;
  readonly reader: Redis;
  readonly hold: Hold;
  /** Resolves when Redis has answered. */
  readonly ready: Promise<Queue>;
}

/** @param note is told of errors of the connections, which are made again for ever */
export function linkTo(
  { queue: name, prefix, connection }: QueueName & { readonly connection: ClusterConnection },
  note: (error: Error) => void,
): Link {
  const commands = withScripts(connectionTo(connection));
  const reader = commands.duplicate();
  for (const redis of [commands, reader]) redis.on('error', note);
  // A queue that is made before Redis answers would fail for good with the first try to reach it.
  const ready = new Promise<void>(resolve => commands.once('ready', resolve)).then(async () => {
    const queue = new Queue(name, {
      connection: commands,
      prefix,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
      // The stream of events is for who watches; the results are not in it.
      streams: { events: { maxLen: 100 } },
    });
    queue.on('error', note);
    await queue.waitUntilReady();
    return queue;
  });
  ready.catch(() => undefined);
  commands.connect().catch(() => undefined);
  return { commands, reader, hold: new Hold([commands, reader]), ready };
}
