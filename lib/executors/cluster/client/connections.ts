import type { Redis } from 'ioredis';
import { type ClusterConnection, connectionTo } from '../redis/connection.js';
import { JobQueue } from '../redis/jobQueue.js';
import { KeepAlive } from '../redis/keepAlive.js';
import type { QueueName } from '../redis/keys.js';
import { type ScriptedRedis, withScripts } from '../redis/scriptedRedis.js';

/** A client's connections to Redis. */
export interface Connections {
  readonly commands: ScriptedRedis;
  /** Waits for reports, and can do nothing else meanwhile. */
  readonly reader: Redis;
  readonly keepAlive: KeepAlive;
  /** Resolves when Redis has answered. */
  readonly ready: Promise<JobQueue>;
}

/**
 * Connects to Redis, again and again until it answers.
 * @param onError hears errors of the connections, which are made again for ever
 */
export function connect(
  options: QueueName & { readonly connection: ClusterConnection },
  onError: (error: Error) => void,
): Connections {
  const commands = withScripts(connectionTo(options.connection));
  const reader = commands.duplicate();
  for (const redis of [commands, reader]) redis.on('error', onError);
  const ready = JobQueue.open(options, commands, onError);
  ready.catch(() => undefined);
  commands.connect().catch(() => undefined);
  return { commands, reader, keepAlive: new KeepAlive([commands, reader]), ready };
}
