import type { Redis } from 'ioredis';
import type { ChunkStore } from '../redis/chunkStore.js';

/** The wait before the stream is read again where that has failed, in ms. */
const RETRY_DELAY_MS = 100;

/** Hears what workers say of chunks. Chunks may be unknown, and reports malformed. */
export interface ReportObserver {
  /** A worker has taken the inputs of a chunk. */
  taken(chunk: number, worker: string): void;
  /** Reports of a chunk have come, as bytes that are not checked. */
  reported(chunk: number, reports: Buffer): void;
  /** Redis could not be read; the reader tries again. */
  failed(error: Error): void;
}

/** Reads a client's stream of reports, entry by entry, and removes what was read. */
export class ReportReader {
  /** The last entry that was read. */
  #last = '0-0';
  #stopped = false;

  constructor(
    private readonly store: ChunkStore,
    private readonly connection: Redis,
    private readonly client: string,
    private readonly observer: ReportObserver,
  ) {}

  /** Reads until `stop` is called, whatever happens to Redis. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#readOnce();
      } catch (error) {
        if (this.#stopped) return;
        this.observer.failed(error as Error);
        await new Promise(resolve => setTimeout(resolve, RETRY_DELAY_MS));
      }
    }
  }

  /** Ends the reading, and closes the connection that waits for entries. */
  stop(): void {
    this.#stopped = true;
    this.connection.disconnect();
  }

  async #readOnce(): Promise<void> {
    const entries = await this.store.readReports(this.connection, this.client, this.#last);
    if (entries.length === 0) return;
    for (const { id, chunk, worker, reports } of entries) {
      this.#last = id;
      if (worker) this.observer.taken(chunk, worker);
      if (reports) this.observer.reported(chunk, reports);
    }
    this.store.trimReports(this.client, this.#last).catch(error => this.observer.failed(error));
  }
}
