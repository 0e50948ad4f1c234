import type { ChunkStore } from '../redis/chunkStore.js';
import type { JobQueue } from '../redis/jobQueue.js';
import { jobId } from '../redis/keys.js';
import type { SentChunk } from './sentChunk.js';
import type { WorkerRegistry } from './workerRegistry.js';

/** The looks in a row in which a worker is missing until it is gone: one that was just cut off may be back in the next. */
const MAX_MISSED_LOOKS = 2;

/** The heartbeats in a row in which a worker does not have a chunk that it took until it has lost it. */
const MAX_DENIALS = 4;

/** The looks in a row in which a chunk that nobody has taken is not in Redis until it is sent again. */
const MAX_UNFOUND_LOOKS = 2;

/** The signs that a chunk is lost. */
interface Watch {
  /** Looks in which its worker was missing. */
  missed: number;
  /** Heartbeats in which its worker did not have it, and the number of the last heartbeat that was looked at. */
  denials: number;
  lastHeartbeat: number;
  /** Looks in which it was not in Redis. */
  unfound: number;
}

/** Owns the chunks, and does what has to be done with those that are lost. */
export interface RecoveryObserver {
  chunks(): readonly SentChunk[];
  /** The chunk's worker is gone, or has lost it. */
  lost(chunk: SentChunk, reason: string): void;
  /** Redis has lost the chunk before any worker took it. */
  resend(chunk: SentChunk): Promise<void>;
}

/** Finds the chunks that workers or Redis have lost. */
export class ChunkRecovery {
  readonly #watches = new WeakMap<SentChunk, Watch>();

  /** @param client its id */
  constructor(
    private readonly client: string,
    private readonly registry: WorkerRegistry,
    private readonly observer: RecoveryObserver,
  ) {}

  /** Watches the worker that has taken a chunk. */
  taken(chunk: SentChunk, worker: string): void {
    this.#watchOf(chunk).lastHeartbeat = this.registry.heartbeatOf(worker)?.count ?? 0;
  }

  /** Returns true if the worker of a chunk was missing, or did not have it, at the last look. */
  isSuspect(chunk: SentChunk): boolean {
    const { missed, denials } = this.#watchOf(chunk);
    return missed > 0 || denials > 0;
  }

  /** Looks for chunks whose workers are gone, or have lost them, by the heartbeats that the registry has. */
  checkTaken(): void {
    for (const chunk of this.observer.chunks()) {
      if (!chunk.worker) continue;
      const reason = this.#look(chunk, chunk.worker);
      if (reason !== undefined) this.observer.lost(chunk, reason);
    }
  }

  /** Has those sent again that Redis has lost before any worker took them. */
  async resendUntaken(store: ChunkStore, queue: JobQueue): Promise<void> {
    for (const chunk of this.observer.chunks()) {
      if (chunk.worker) continue;
      await chunk.queued;
      const found = await Promise.all([
        store.hasInputs(this.client, chunk.id),
        queue.has(jobId(this.client, chunk.id)),
      ]);
      if (chunk.worker || chunk.over) continue;
      const watch = this.#watchOf(chunk);
      watch.unfound = found.includes(false) ? watch.unfound + 1 : 0;
      if (watch.unfound < MAX_UNFOUND_LOOKS) continue;
      watch.unfound = 0;
      await this.observer.resend(chunk);
    }
  }

  /** Returns why a chunk is lost, `undefined` where it is not. */
  #look(chunk: SentChunk, worker: string): string | undefined {
    const watch = this.#watchOf(chunk);
    const heartbeat = this.registry.heartbeatOf(worker);
    if (!heartbeat) {
      watch.missed += 1;
      if (watch.missed < MAX_MISSED_LOOKS) return undefined;
      return `the worker ${this.registry.addressOf(worker)} is gone`;
    }
    watch.missed = 0;
    if (heartbeat.chunks.includes(jobId(this.client, chunk.id))) watch.denials = 0;
    else if (heartbeat.count !== watch.lastHeartbeat) watch.denials += 1;
    watch.lastHeartbeat = heartbeat.count;
    return watch.denials < MAX_DENIALS ? undefined : `the worker ${heartbeat.address} has lost the chunk`;
  }

  #watchOf(chunk: SentChunk): Watch {
    let watch = this.#watches.get(chunk);
    if (!watch) {
      watch = { missed: 0, denials: 0, lastHeartbeat: 0, unfound: 0 };
      this.#watches.set(chunk, watch);
    }
    return watch;
  }
}
