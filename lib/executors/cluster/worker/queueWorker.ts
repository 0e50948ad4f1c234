import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type Job, Worker } from 'bullmq';
import type { Cancelled, ClientHeartbeat, JobData } from '../protocol/messages.js';
import { HEARTBEAT_MS } from '../protocol/timing.js';
import { readCancelled, readJob } from '../protocol/validate.js';
import { ChunkStore } from '../redis/chunkStore.js';
import { type ClusterConnection, reasonOf } from '../redis/connection.js';
import { HeartbeatStore } from '../redis/heartbeatStore.js';
import { jobId, Keys, type QueueName } from '../redis/keys.js';
import { ChunkRunner, type ChunkRunnerOptions } from './chunkRunner.js';
import { ClientWatch } from './clientWatch.js';
import { connectWorker, type WorkerConnections } from './connectWorker.js';
import { HeldChunk } from './heldChunk.js';

/** The time that a job stays this worker's without its lock being renewed, in ms. The inputs are taken only once anyway. */
const LOCK_MS = 5_000;

/** The wait of BullMQ before it asks a Redis again that was away, in ms: 15 s by default. */
const RETRY_DELAY_MS = 500;

/** The time that `close` leaves to Redis beyond `grace`, in ms. */
const LEAVE_TIMEOUT_MS = 2_000;

export interface QueueWorkerOptions extends QueueName, ChunkRunnerOptions {
  readonly connection: ClusterConnection;
  /** Milliseconds that `close` leaves to what is under way. */
  readonly grace: number;
}

/** A worker of a queue: runs chunks of clients on threads of its own. */
export class QueueWorker implements AsyncDisposable {
  readonly #id = randomBytes(8).toString('hex');
  readonly #address = `${hostname()}/${process.pid}`;
  readonly #store: ChunkStore;
  readonly #heartbeats: HeartbeatStore;
  readonly #runner: ChunkRunner;
  readonly #clients: ClientWatch;
  /** BullMQ's worker, which takes jobs and calls `#run`. */
  readonly #jobs: Worker;
  readonly #chunks = new Map<string, HeldChunk>();
  #timer: NodeJS.Timeout | undefined;
  #heartbeatCount = 0;
  #closed: Promise<void> | undefined;

  /**
   * Joins a queue; resolves when the worker has joined.
   * @throws Error where Redis cannot be reached
   */
  static async join(options: QueueWorkerOptions): Promise<QueueWorker> {
    const connections = await connectWorker(options.connection, error =>
      options.log({ event: 'fault', message: `Redis: ${reasonOf(error)}` }),
    );
    const worker = new QueueWorker(options, connections);
    await worker.#start();
    return worker;
  }

  private constructor(
    private readonly options: QueueWorkerOptions,
    private readonly connections: WorkerConnections,
  ) {
    const { commands } = connections;
    const keys = new Keys(options);
    this.#store = new ChunkStore(commands, keys);
    this.#heartbeats = new HeartbeatStore(commands, keys);
    this.#runner = new ChunkRunner(options, this.#id, this.#store);
    this.#clients = new ClientWatch({
      waits: (client, heartbeat) => this.#cancelOthers(client, heartbeat),
      gone: client => this.#cancelAll(client),
      rejected: (_client, error) => this.#fault(`a message was rejected: ${error.message}`),
    });
    this.#jobs = new Worker(options.queue, job => this.#run(job), {
      connection: commands,
      prefix: options.prefix,
      name: this.#address,
      concurrency: this.threads,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS,
      runRetryDelay: RETRY_DELAY_MS,
      drainDelay: 2,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      autorun: false,
    });
    this.#jobs.on('error', error => this.#fault(`BullMQ: ${error.message}`));
    this.#jobs.on('failed', (job, error) => this.#fault(`BullMQ: ${error.message}`, job?.id));
  }

  get threads(): number {
    return this.#runner.threads;
  }

  /** The number of chunks that the worker has. */
  get busy(): number {
    return this.#chunks.size;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(): Promise<void> {
    const { commands, subscriber } = this.connections;
    await this.#store.subscribeCancelled(subscriber, message => this.#cancel(message));
    await this.#jobs.waitUntilReady();
    this.#timer = setInterval(() => this.#sendHeartbeat(), HEARTBEAT_MS);
    commands.on('ready', () => this.#sendHeartbeat());
    await this.#sendHeartbeat();
    this.#jobs.run().catch(error => this.#fault(`BullMQ: ${error.message}`));
    this.#logPresence('join');
  }

  async #close(): Promise<void> {
    const { grace } = this.options;
    const timer = setTimeout(() => {
      for (const chunk of [...this.#chunks.values()]) chunk.handBack();
    }, grace);
    // Takes no further job, and waits for those that run.
    const drained = this.#jobs.close();
    // A Redis that does not answer does not keep the worker up.
    let lateTimer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      lateTimer = setTimeout(resolve, grace + LEAVE_TIMEOUT_MS);
    });
    await Promise.race([drained.catch(() => undefined), late]);
    clearTimeout(timer);
    clearInterval(this.#timer);
    const left = this.#heartbeats.removeWorker(this.#id).catch(() => undefined);
    await Promise.all([this.#runner.close(), Promise.race([left, late])]);
    clearTimeout(lateTimer);
    this.connections.subscriber.disconnect();
    this.connections.commands.disconnect();
    this.#logPresence('leave');
  }

  #logPresence(event: 'join' | 'leave'): void {
    const { log, queue } = this.options;
    log({ event, queue, threads: this.threads, address: this.#address });
  }

  #fault(message: string, job?: string): void {
    this.options.log({ event: 'fault', message, ...(job !== undefined && { job }) });
  }

  /** Runs the chunk of a job: BullMQ calls it. */
  async #run(job: Job): Promise<void> {
    let data: JobData;
    try {
      data = readJob(job.data);
    } catch (error) {
      this.#fault(`a job that is not one of bullmq() was rejected: ${(error as Error).message}`, job.id);
      return;
    }
    const chunk = new HeldChunk(data);
    // The same chunk may come again, of a Redis that was restarted: only one of them finds its inputs.
    const first = !this.#chunks.has(chunk.id);
    if (first) this.#chunks.set(chunk.id, chunk);
    try {
      await this.#runner.run(chunk);
    } catch (error) {
      this.#fault((error as Error).message, chunk.id);
    } finally {
      if (first) this.#chunks.delete(chunk.id);
    }
  }

  /** Cancels chunks and forgets runs that a client has named. */
  #cancel(message: string): void {
    let cancelled: Cancelled;
    try {
      cancelled = readCancelled(message);
    } catch (error) {
      this.#fault(`a message was rejected: ${(error as Error).message}`);
      return;
    }
    const { client } = cancelled;
    for (const chunk of cancelled.chunks) this.#chunks.get(jobId(client, chunk))?.cancel();
    for (const run of cancelled.runs) this.#runner.runs.forget(client, run);
  }

  /** Cancels chunks and forgets runs that a client does not wait for any more, though that was not heard here. */
  #cancelOthers(client: string, heartbeat: ClientHeartbeat): void {
    for (const held of this.#chunksOf(client)) {
      const { chunk } = held.job;
      if (chunk <= heartbeat.lastChunk && !heartbeat.chunks.includes(chunk)) held.cancel();
    }
    this.#runner.runs.forgetOver(client, heartbeat);
  }

  /** Cancels the chunks and forgets the runs of a client that is gone. */
  #cancelAll(client: string): void {
    this.#runner.runs.forgetClient(client);
    const chunks = this.#chunksOf(client);
    // A client that rests has taken back its heartbeat, and is not gone.
    if (chunks.length === 0) return;
    this.#fault(`the client ${client} is gone; its chunks are cancelled`);
    for (const held of chunks) {
      held.cancel();
      this.#store.removeRun(client, held.job.run).catch(() => undefined);
    }
  }

  #chunksOf(client: string): HeldChunk[] {
    return [...this.#chunks.values()].filter(({ job }) => job.client === client);
  }

  /** Says that this worker is there and what it has, and looks for the clients that it works for. */
  async #sendHeartbeat(): Promise<void> {
    this.#heartbeatCount += 1;
    const heartbeat = {
      threads: this.#closed ? 0 : this.threads,
      address: this.#address,
      count: this.#heartbeatCount,
      chunks: [...this.#chunks.keys()],
    };
    const busyFor = [...this.#chunks.values()].map(({ job }) => job.client);
    const clients = [...new Set([...this.#runner.runs.clients, ...busyFor])];
    try {
      await this.#clients.look(clients, asked => this.#heartbeats.putWorker(this.#id, heartbeat, asked));
    } catch (error) {
      this.#fault(`Redis: ${(error as Error).message}`);
    }
  }
}
