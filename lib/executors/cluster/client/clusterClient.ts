import type { Subscriber } from 'rxjs';
import { ExecutorClosedError, type Report, WorkerLostError } from '../../../executor.js';
import { sharedContext } from '../../../runtime/sharedContext.js';
import { errorOf } from '../protocol/chunkEnd.js';
import type { ClientHeartbeat } from '../protocol/messages.js';
import { warnOfRejected } from '../protocol/warnOfRejected.js';
import { ChunkStore } from '../redis/chunkStore.js';
import { addressOf, type ClusterConnection } from '../redis/connection.js';
import { HeartbeatStore } from '../redis/heartbeatStore.js';
import { Keys, type QueueName } from '../redis/keys.js';
import { ChunkRecovery } from './chunkRecovery.js';
import { ChunkSender } from './chunkSender.js';
import { type Connections, connect } from './connections.js';
import { Heartbeat } from './heartbeat.js';
import type { PackedInputs } from './inputsOf.js';
import { OrphanedJobs } from './orphanedJobs.js';
import { ReportReader } from './reportReader.js';
import { SentChunk } from './sentChunk.js';
import type { SharedRun, SharedRuns } from './sharedRuns.js';
import type { WorkerRegistry } from './workerRegistry.js';

/** The longest wait of `leave` for Redis, in ms. */
const LEAVE_TIMEOUT_MS = 2_000;

export interface ClusterClientOptions extends QueueName {
  readonly connection: ClusterConnection;
  /** The most bytes of one message. */
  readonly maxMessage: number;
}

/** The connected part of an executor: sends chunks, hears what becomes of them, and rests while there are none. */
export class ClusterClient {
  readonly #connections: Connections;
  readonly #store: ChunkStore;
  readonly #heartbeats: HeartbeatStore;
  readonly #heartbeat: Heartbeat;
  readonly #reader: ReportReader;
  readonly #sender: ChunkSender;
  readonly #recovery: ChunkRecovery;
  readonly #orphans: OrphanedJobs;
  /** The chunks that somebody waits for. */
  readonly #chunks = new Map<number, SentChunk>();
  #lastChunk = 0;

  /**
   * Connects to Redis, without waiting for it.
   * @param id the client's id: 16 hexadecimal digits
   * @param onWorkers is called when the number of the workers' threads has changed
   */
  constructor(
    private readonly options: ClusterClientOptions,
    private readonly id: string,
    private readonly runs: SharedRuns,
    private readonly registry: WorkerRegistry,
    private readonly onWorkers: () => void,
  ) {
    const keys = new Keys(options);
    const failed = (error: Error) => registry.noteError(error);
    this.#connections = connect(options, failed);
    const { commands, reader, ready } = this.#connections;
    this.#store = new ChunkStore(commands, keys);
    this.#heartbeats = new HeartbeatStore(commands, keys);
    this.#orphans = new OrphanedJobs(id, this.#heartbeats);
    this.#sender = new ChunkSender(id, this.#store, ready, command => this.#inBackground(command));
    this.#recovery = new ChunkRecovery(id, registry, {
      chunks: () => [...this.#chunks.values()],
      lost: (chunk, reason) => this.#lose(chunk, reason),
      resend: chunk => this.#sender.resend(chunk),
    });
    this.#heartbeat = new Heartbeat(id, this.#heartbeats, ready, {
      state: () => this.#state(),
      due: () => this.#watch(),
      prolong: () => this.#prolong(),
      workers: found => this.#updateWorkers(found),
      recover: () => this.#recover(),
      failed,
    });
    this.#reader = new ReportReader(this.#store, reader, id, {
      taken: (chunk, worker) => this.#taken(chunk, worker),
      reported: (chunk, reports) => this.#reported(chunk, reports),
      failed,
    });
    this.#reader.run();
  }

  /** Sends a chunk, until its subscriber unsubscribes or it has ended. */
  send(run: SharedRun, inputs: PackedInputs, subscriber: Subscriber<Report>): void {
    this.#lastChunk += 1;
    const chunk = new SentChunk(this.#lastChunk, run, inputs, subscriber);
    subscriber.add(() => this.#cancel(chunk));
    this.#chunks.set(chunk.id, chunk);
    // The heartbeat waits for the same promise, and goes out before the chunk.
    chunk.queued = sharedContext.runInAsyncScope(() => {
      this.#wake();
      return this.#sender.send(chunk);
    });
    chunk.queued.catch(error => this.#end(chunk, error));
  }

  /** Forgets a run that is over, and has workers forget it. */
  forget(run: SharedRun): void {
    this.#sender.forget(run);
  }

  /** Ends all chunks with an `ExecutorClosedError`. */
  endChunks(): SentChunk[] {
    const chunks = [...this.#chunks.values()];
    for (const chunk of chunks) this.#end(chunk, new ExecutorClosedError());
    return chunks;
  }

  /**
   * Takes everything out of Redis, as far as it answers, and closes the connections.
   * @param ended chunks whose removal is waited for
   */
  async leave(ended: readonly SentChunk[]): Promise<void> {
    this.#heartbeat.stop();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, LEAVE_TIMEOUT_MS);
    });
    await Promise.race([this.#removeAll(ended).catch(() => undefined), late]);
    clearTimeout(timer);
    this.#reader.stop();
    this.#connections.commands.disconnect();
  }

  async #removeAll(ended: readonly SentChunk[]): Promise<void> {
    const queue = await this.#connections.ready;
    await Promise.allSettled(ended.map(({ queued }) => queued));
    // Removals of chunks go out before this.
    await new Promise(resolve => setImmediate(resolve));
    await Promise.all([
      this.#heartbeats.removeClient(this.id),
      this.#store.removeReports(this.id),
      ...this.runs.active.map(run => this.#store.removeDefinition(this.id, run.id)),
    ]);
    await queue.close();
    await this.#connections.commands.quit();
  }

  /** Ends a chunk, with an error or without. */
  #end(chunk: SentChunk, error?: unknown): void {
    if (!this.#chunks.delete(chunk.id)) return;
    if (error !== undefined) {
      this.#remove(chunk);
      chunk.subscriber.error(error);
    } else chunk.subscriber.complete();
    this.#restIfIdle();
  }

  #lose(chunk: SentChunk, reason: string): void {
    this.#end(chunk, new WorkerLostError({ exitCode: undefined, reason }));
  }

  /** Cancels a chunk that nobody waits for any more. */
  #cancel(chunk: SentChunk): void {
    if (!this.#chunks.delete(chunk.id)) return;
    this.#remove(chunk);
    this.#restIfIdle();
  }

  /** Takes a chunk out of Redis after whatever is still to be done with it there. */
  #remove(chunk: SentChunk): void {
    chunk.queued = this.#sender.remove(chunk, () => this.#recovery.isSuspect(chunk)).catch(() => undefined);
  }

  /** Lets a command fail: the heartbeat finds out what stays without an answer. */
  #inBackground(command: Promise<unknown>): void {
    command.catch(error => this.registry.noteError(error));
  }

  /** There is a chunk to wait for: the program is kept alive, and Redis is told that this client is there. */
  #wake(): void {
    if (this.#heartbeat.started) return;
    this.#connections.keepAlive.hold();
    this.registry.start();
    this.#heartbeat.start();
  }

  /** There may be nothing to wait for any more: then nothing is left in Redis, and nothing keeps the program alive. */
  #restIfIdle(): void {
    if (this.#chunks.size > 0 || !this.#heartbeat.started) return;
    this.#heartbeat.stop();
    this.#inBackground(this.#store.emptyReports(this.id));
    this.#connections.keepAlive.release();
  }

  #taken(id: number, worker: string): void {
    const chunk = this.#chunks.get(id);
    // Late news of a chunk that was given up.
    if (!chunk) return;
    chunk.taken(worker);
    this.#recovery.taken(chunk, worker);
  }

  #reported(id: number, reports: Buffer): void {
    const chunk = this.#chunks.get(id);
    if (!chunk) return;
    try {
      const end = chunk.receive(reports, this.options.maxMessage);
      if (!end) return;
      if (end.kind === 'definition missing') chunk.run.stored = false;
      this.#end(chunk, errorOf(end, this.registry.addressOf(chunk.worker)));
    } catch (error) {
      const worker = this.registry.addressOf(chunk.worker);
      const reason = `the reports of the worker ${worker} were rejected: ${(error as Error).message}`;
      warnOfRejected(reason);
      this.#lose(chunk, reason);
    }
  }

  #state(): ClientHeartbeat {
    return {
      lastChunk: this.#lastChunk,
      chunks: [...this.#chunks.keys()],
      lastRun: this.runs.lastId,
      runs: this.runs.active.map(({ id }) => id),
    };
  }

  /** Ends all chunks where no worker has been there for too long. */
  #watch(): void {
    const error = this.registry.watch(addressOf(this.#connections.commands));
    if (error) for (const chunk of [...this.#chunks.values()]) this.#end(chunk, error);
  }

  #updateWorkers(found: readonly [string, string][]): void {
    this.registry.heard();
    const changed = this.registry.update(found);
    this.#recovery.checkTaken();
    if (changed) this.onWorkers();
  }

  /** Keeps what waits for longer from expiring. */
  #prolong(): void {
    this.#inBackground(this.#store.prolongReports(this.id));
    for (const run of this.runs.active)
      this.#store.prolongDefinition(this.id, run.id).then(
        there => {
          if (!there) run.stored = false;
        },
        () => undefined,
      );
    for (const { id, worker } of this.#chunks.values())
      if (!worker) this.#inBackground(this.#store.prolongInputs(this.id, id));
  }

  async #recover(): Promise<void> {
    const queue = await this.#connections.ready;
    await this.#recovery.resendUntaken(this.#store, queue);
    await this.#orphans.removeFrom(queue);
  }
}
