import type { Redis } from 'ioredis';
import { addressOf, type ClusterConnection, connectionTo, reasonOf } from '../redis/connection.js';
import { type ScriptedRedis, withScripts } from '../redis/scriptedRedis.js';

/** A worker's connections to Redis. */
export interface WorkerConnections {
  readonly commands: ScriptedRedis;
  /** Listens to what clients cancel. */
  readonly subscriber: Redis;
}

/**
 * Connects to Redis. A connection that breaks later is made again for ever.
 * @param onError hears errors of the connections from then on
 * @throws Error where Redis cannot be reached
 */
export async function connectWorker(
  connection: ClusterConnection,
  onError: (error: Error) => void,
): Promise<WorkerConnections> {
  let connected = false;
  let last: Error | undefined;
  const commands = withScripts(connectionTo(connection, () => !connected));
  commands.on('error', error => {
    last = error;
    if (connected) onError(error);
  });
  try {
    await commands.connect();
  } catch (error) {
    commands.disconnect();
    throw new Error(
      `Redis at ${addressOf(commands)} cannot be reached (${reasonOf(last ?? (error as Error))}); see that it runs and that the connection is right`,
      { cause: error },
    );
  }
  connected = true;
  const subscriber = commands.duplicate();
  subscriber.on('error', onError);
  return { commands, subscriber };
}
