import { clientHeartbeatText, workerHeartbeatText } from '../protocol/codec.js';
import type { ClientHeartbeat, WorkerHeartbeat } from '../protocol/messages.js';
import { CLIENT_LIFETIME_MS, type Keys, PAYLOAD_LIFETIME_MS, WORKER_LIFETIME_MS } from './keys.js';
import type { ScriptedRedis } from './scriptedRedis.js';

/** The heartbeats of clients and workers in Redis: they expire where their senders are gone. */
export class HeartbeatStore {
  constructor(
    private readonly redis: ScriptedRedis,
    private readonly keys: Keys,
  ) {}

  async putClient(id: string, heartbeat: ClientHeartbeat): Promise<void> {
    await this.redis.set(this.keys.client(id), clientHeartbeatText(heartbeat), 'PX', CLIENT_LIFETIME_MS);
  }

  async hasClient(id: string): Promise<boolean> {
    return (await this.redis.exists(this.keys.client(id))) !== 0;
  }

  async removeClient(id: string): Promise<void> {
    await this.redis.del(this.keys.client(id));
  }

  /**
   * Puts a worker's heartbeat, and looks for clients in the same trip.
   * @returns the heartbeat of each client as JSON, not checked; `null` where the client has none. A client is left out
   *   where Redis did not say
   */
  async putWorker(
    id: string,
    heartbeat: WorkerHeartbeat,
    clients: readonly string[],
  ): Promise<Map<string, string | null>> {
    const pipeline = this.redis
      .pipeline()
      .sadd(this.keys.workers, id)
      .pexpire(this.keys.workers, PAYLOAD_LIFETIME_MS)
      .set(this.keys.worker(id), workerHeartbeatText(heartbeat), 'PX', WORKER_LIFETIME_MS);
    for (const client of clients) pipeline.get(this.keys.client(client));
    const answers = ((await pipeline.exec()) ?? []).slice(3);
    const found = new Map<string, string | null>();
    for (const [i, client] of clients.entries()) {
      const [error, answer] = answers[i] ?? [];
      if (!error) found.set(client, answer as string | null);
    }
    return found;
  }

  /** Returns the workers that are there: the id of each, and its heartbeat as JSON, not checked. */
  async workers(): Promise<[id: string, heartbeat: string][]> {
    const found = await this.redis.parforWorkers(this.keys.workers, this.keys.worker(''));
    const workers: [string, string][] = [];
    for (let i = 0; i + 1 < found.length; i += 2) workers.push([found[i] as string, found[i + 1] as string]);
    return workers;
  }

  async removeWorker(id: string): Promise<void> {
    await this.redis.srem(this.keys.workers, id);
    await this.redis.del(this.keys.worker(id));
  }
}
