import type { Redis } from 'ioredis';
import { MessageError } from '../protocol/errors.js';
import { tooLarge } from '../protocol/messageSize.js';
import type { Cancelled } from '../protocol/messages.js';
import { CLIENT_LIFETIME_MS, type Keys, PAYLOAD_LIFETIME_MS } from './keys.js';
import type { ScriptedRedis } from './scriptedRedis.js';

/** The most entries that are read from the stream of reports at once. */
const MAX_ENTRIES = 64;

/** The longest wait of a read for an entry of the stream, in ms. */
const READ_BLOCK_MS = 2_000;

/** An entry of a client's stream of reports: a worker has taken a chunk, or reports what became of its inputs. */
export interface ReportEntry {
  /** The entry's id in the stream. */
  readonly id: string;
  readonly chunk: number;
  /** The worker that has taken the chunk. */
  readonly worker: string | undefined;
  /** Reports as bytes, not checked. */
  readonly reports: Buffer | undefined;
}

/**
 * Definitions, chunks and reports in Redis: their keys, how long they live, and the scripts that change them.
 *
 * A definition and the inputs of a chunk are written by the client and expire unless it prolongs them. Inputs can be
 * taken once. Reports come back in one stream for each client.
 */
export class ChunkStore {
  constructor(
    private readonly redis: ScriptedRedis,
    private readonly keys: Keys,
  ) {}

  async putDefinition(client: string, run: number, bytes: Buffer): Promise<void> {
    await this.redis.set(this.keys.definition(client, run), bytes, 'PX', PAYLOAD_LIFETIME_MS);
  }

  /** Returns false where the definition is not there any more. */
  async prolongDefinition(client: string, run: number): Promise<boolean> {
    return (await this.redis.pexpire(this.keys.definition(client, run), PAYLOAD_LIFETIME_MS)) !== 0;
  }

  async removeDefinition(client: string, run: number): Promise<void> {
    await this.redis.del(this.keys.definition(client, run));
  }

  /**
   * Reads what the chunks of a run share; `undefined` where it is not there any more.
   * @throws MessageError where it is longer than `maxBytes`
   */
  async readDefinition(client: string, run: number, maxBytes: number): Promise<Buffer | undefined> {
    const key = this.keys.definition(client, run);
    const size = await this.redis.strlen(key);
    if (size > maxBytes) throw new MessageError(`the definition is ${tooLarge(size, maxBytes)}`);
    return (await this.redis.getBuffer(key)) ?? undefined;
  }

  async putInputs(client: string, chunk: number, bytes: Buffer): Promise<void> {
    await this.redis.set(this.keys.inputs(client, chunk), bytes, 'PX', PAYLOAD_LIFETIME_MS);
  }

  async prolongInputs(client: string, chunk: number): Promise<void> {
    await this.redis.pexpire(this.keys.inputs(client, chunk), PAYLOAD_LIFETIME_MS);
  }

  async hasInputs(client: string, chunk: number): Promise<boolean> {
    return (await this.redis.exists(this.keys.inputs(client, chunk))) !== 0;
  }

  async removeInputs(client: string, chunk: number): Promise<void> {
    await this.redis.del(this.keys.inputs(client, chunk));
  }

  /**
   * Takes a chunk's inputs for a worker, and tells the client in the same step.
   * @returns the inputs; their size where that is more than `maxBytes`; `undefined` where another worker has taken them
   *   or nobody waits for them
   */
  async takeInputs(
    client: string,
    chunk: number,
    worker: string,
    maxBytes: number,
  ): Promise<Buffer | number | undefined> {
    const taken = await this.redis.parforTakeBuffer(
      this.keys.client(client),
      this.keys.inputs(client, chunk),
      this.keys.reports(client),
      chunk,
      worker,
      maxBytes,
      PAYLOAD_LIFETIME_MS,
    );
    return taken === 0 ? undefined : taken;
  }

  /** Adds reports of a chunk to the client's stream; returns false where the client is gone. */
  async addReports(client: string, chunk: number, payload: Buffer): Promise<boolean> {
    const added = await this.redis.parforReport(
      this.keys.client(client),
      this.keys.reports(client),
      chunk,
      payload,
      PAYLOAD_LIFETIME_MS,
    );
    return added !== 0;
  }

  /**
   * Waits for entries of the client's stream and reads them; returns none where nothing came in time.
   * @param reader a connection of its own, as the wait blocks it
   * @param after the id of the last entry that was read
   */
  async readReports(reader: Redis, client: string, after: string): Promise<ReportEntry[]> {
    const streams = await reader.xreadBuffer(
      'COUNT',
      MAX_ENTRIES,
      'BLOCK',
      READ_BLOCK_MS,
      'STREAMS',
      this.keys.reports(client),
      after,
    );
    if (!streams) return [];
    const [[, entries]] = streams as [[Buffer, [Buffer, Buffer[]][]]];
    return entries.map(entryOf);
  }

  /** Removes the entries of the client's stream up to and including this one. */
  async trimReports(client: string, last: string): Promise<void> {
    const [time, sequence] = last.split('-');
    await this.redis.xtrim(this.keys.reports(client), 'MINID', `${time}-${Number(sequence) + 1}`);
  }

  async prolongReports(client: string): Promise<void> {
    await this.redis.pexpire(this.keys.reports(client), PAYLOAD_LIFETIME_MS);
  }

  /** Removes all entries of the client's stream. It stays for a while: a new one could give out ids that were read already. */
  async emptyReports(client: string): Promise<void> {
    const key = this.keys.reports(client);
    await Promise.all([this.redis.xtrim(key, 'MAXLEN', 0), this.redis.pexpire(key, CLIENT_LIFETIME_MS)]);
  }

  /** Removes what a client that is gone has left of a run. */
  async removeRun(client: string, run: number): Promise<void> {
    await this.redis.del(this.keys.definition(client, run), this.keys.reports(client));
  }

  async removeReports(client: string): Promise<void> {
    await this.redis.del(this.keys.reports(client));
  }

  /** Tells all workers of chunks that nobody waits for any more, and of runs that are over. */
  async publishCancelled(cancelled: Cancelled): Promise<void> {
    await this.redis.publish(this.keys.cancelled, JSON.stringify(cancelled));
  }

  /**
   * Has a connection listen to what clients cancel.
   * @param subscriber a connection of its own, which can do nothing else from then on
   * @param hear is given each message, not checked
   */
  async subscribeCancelled(subscriber: Redis, hear: (message: string) => void): Promise<void> {
    subscriber.on('message', (_channel, message) => hear(message));
    await subscriber.subscribe(this.keys.cancelled);
  }
}

function entryOf([id, values]: readonly [Buffer, readonly Buffer[]]): ReportEntry {
  const fields = new Map<string, Buffer>();
  for (let i = 0; i + 1 < values.length; i += 2)
    fields.set((values[i] as Buffer).toString(), values[i + 1] as Buffer);
  return {
    id: id.toString(),
    chunk: Number(fields.get('chunk')?.toString()),
    worker: fields.get('worker')?.toString(),
    reports: fields.get('reports'),
  };
}
