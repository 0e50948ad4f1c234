import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Subscription } from 'rxjs';
import { WorkerPool } from '../../pool/workerPool.js';
import { parallelismOf, threadArguments } from '../../workerOptions.js';
import { endBefore, endOf } from '../protocol/chunkEnd.js';
import { DEFAULT_MAX_MESSAGE } from '../protocol/codec.js';
import { MessageError } from '../protocol/errors.js';
import {
  type Cancelled,
  type ChunkEnd,
  type JobData,
  readCancelled,
  readChunk,
  readClientBeat,
  readDefinition,
  readJob,
  type WorkerBeat,
} from '../protocol/messages.js';
import { addressOf, connectionTo, saidBy } from '../redis/connection.js';
import { BEAT, DEFAULT_PREFIX, jobId, Keys, LIFETIME, SLICE } from '../redis/keys.js';
import { type ScriptedRedis, withScripts } from '../redis/scripts.js';
import type { ClusterWorker, ClusterWorkerOptions, WorkerEvent } from './clusterWorker.js';
import { ModuleTasks } from './moduleTask.js';
import { type RemoteChunk, type RemoteReport, type RemoteRun, remoteChunkCodec } from './remoteChunkCodec.js';
import { RemoteRuns } from './remoteRuns.js';
import { Reporter } from './reporter.js';

/** How long a job stays this worker's without its lock being renewed, in ms. The inputs are taken only once anyway. */
const LOCK = 5_000;

/** Milliseconds for what is under way when the worker is to end. */
const DEFAULT_GRACE = 10_000;

/** A chunk on this worker. */
interface Held {
  readonly job: JobData;
  readonly id: string;
  readonly since: number;
  length: number;
  settled: number;
  subscription: Subscription | undefined;
  /** Ends it before its time: handed back, or given up by its client. */
  stop: (end: 'done' | 'cancelled') => void;
}

const isBuffer = (value: unknown): value is Buffer => Buffer.isBuffer(value);

/** A worker of a queue: runs chunks of clients on threads of its own. */
export class QueueWorker implements ClusterWorker {
  readonly threads: number;
  readonly #id = randomBytes(8).toString('hex');
  readonly #place = `${hostname()}/${process.pid}`;
  readonly #keys: Keys;
  readonly #executor: WorkerPool;
  readonly #held = new Map<string, Held>();
  readonly #runs = new RemoteRuns(
    (client, id) => this.#fetch(this.#keys.definition(client, id)),
    run => this.#executor.forget(run),
  );
  /** Looks in which a client was missing. */
  readonly #missing = new Map<string, number>();
  readonly #tasks: ModuleTasks;
  readonly #maxMessage: number;
  readonly #log: (event: WorkerEvent) => void;
  #commands!: ScriptedRedis;
  #subscriber!: Redis;
  #worker!: Worker;
  #timer: NodeJS.Timeout | undefined;
  #beats = 0;
  #closed: Promise<void> | undefined;

  constructor(private readonly options: ClusterWorkerOptions) {
    const { threads, idleTimeout = Infinity, env, execArgv, resourceLimits } = options;
    this.#keys = new Keys({ queue: options.queue, prefix: options.prefix ?? DEFAULT_PREFIX });
    this.#tasks = new ModuleTasks(options.root ?? process.cwd(), options.allowInline ?? false);
    this.#maxMessage = options.maxMessage ?? DEFAULT_MAX_MESSAGE;
    this.#log = options.log ?? (() => undefined);
    const { parallelism } = parallelismOf(threads);
    this.threads = parallelism;
    this.#executor = new WorkerPool({
      runtime: 'worker_threads',
      parallelism,
      elastic: false,
      idleTimeout,
      timeSlice: SLICE,
      codec: remoteChunkCodec,
      ...threadArguments(execArgv),
      ...(env && { env }),
      ...(resourceLimits && { resourceLimits }),
    });
  }

  get busy(): number {
    return this.#held.size;
  }

  async join(): Promise<this> {
    const { queue, connection = {}, prefix = DEFAULT_PREFIX } = this.options;
    let joined = false;
    let last: Error | undefined;
    this.#commands = withScripts(connectionTo(connection, () => !joined));
    const note = (error: Error) => {
      last = error;
      if (joined) this.#fault(`Redis: ${saidBy(error)}`);
    };
    this.#commands.on('error', note);
    try {
      await this.#commands.connect();
    } catch (error) {
      this.#commands.disconnect();
      throw new Error(
        `Redis at ${addressOf(this.#commands)} cannot be reached (${saidBy(last ?? (error as Error))}); see that it runs and that the connection is right`,
        { cause: error },
      );
    }
    joined = true;
    this.#subscriber = this.#commands.duplicate();
    this.#subscriber.on('error', note);
    this.#subscriber.on('message', (_channel, message) => this.#cancelled(message));
    await this.#subscriber.subscribe(this.#keys.cancelled);
    this.#worker = new Worker(queue, job => this.#run(job), {
      connection: this.#commands,
      prefix,
      name: this.#place,
      concurrency: this.threads,
      lockDuration: LOCK,
      stalledInterval: LOCK,
      // BullMQ's default waits 15 s before it asks a Redis that was away.
      runRetryDelay: 500,
      drainDelay: 2,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      autorun: false,
    });
    this.#worker.on('error', error => this.#fault(`BullMQ: ${error.message}`));
    this.#worker.on('failed', (job, error) => this.#fault(`BullMQ: ${error.message}`, job?.id));
    await this.#worker.waitUntilReady();
    this.#timer = setInterval(() => this.#beat(), BEAT);
    this.#commands.on('ready', () => this.#beat());
    await this.#beat();
    this.#worker.run().catch(error => this.#fault(`BullMQ: ${error.message}`));
    this.#log({ event: 'join', queue, threads: this.threads, place: this.#place });
    return this;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { queue, grace = DEFAULT_GRACE } = this.options;
    const stop = () => {
      for (const held of [...this.#held.values()]) held.stop('done');
    };
    const timer = setTimeout(stop, grace);
    // Takes no further job, and waits for those that run.
    const drained = this.#worker.close();
    // A Redis that does not answer does not keep the worker up.
    let given: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      given = setTimeout(resolve, grace + 2_000);
    });
    await Promise.race([drained.catch(() => undefined), late]);
    clearTimeout(timer);
    clearInterval(this.#timer);
    const left = (async () => {
      await this.#commands.srem(this.#keys.workers, this.#id);
      await this.#commands.del(this.#keys.worker(this.#id));
    })().catch(() => undefined);
    await Promise.all([this.#executor.close(), Promise.race([left, late])]);
    clearTimeout(given);
    this.#subscriber.disconnect();
    this.#commands.disconnect();
    this.#log({ event: 'leave', queue, threads: this.threads, place: this.#place });
  }

  #fault(message: string, job?: string): void {
    this.#log({ event: 'fault', message, ...(job !== undefined && { job }) });
  }

  /** Runs a chunk: what BullMQ calls. */
  async #run(job: Job): Promise<void> {
    let data: JobData;
    try {
      data = readJob(job.data);
    } catch (error) {
      this.#fault(`a job that is not one of bullmq() was rejected: ${(error as Error).message}`, job.id);
      return;
    }
    const held: Held = {
      job: data,
      id: jobId(data.client, data.chunk),
      since: performance.now(),
      length: 0,
      settled: 0,
      subscription: undefined,
      stop: () => undefined,
    };
    // The same chunk may come again, of a Redis that was restarted: only one of them finds its inputs.
    const first = !this.#held.has(held.id);
    if (first) this.#held.set(held.id, held);
    try {
      await this.#runHeld(held);
    } catch (error) {
      this.#fault((error as Error).message, held.id);
    } finally {
      if (first) this.#held.delete(held.id);
    }
  }

  async #runHeld(held: Held): Promise<void> {
    const { client, chunk, run: runId } = held.job;
    let early: 'done' | 'cancelled' | undefined;
    held.stop = end => {
      early ??= end;
    };
    const taken = await this.#commands.parforTakeBuffer(
      this.#keys.client(client),
      this.#keys.inputs(client, chunk),
      this.#keys.reports(client),
      chunk,
      this.#id,
      this.#maxMessage,
      LIFETIME.payload,
    );
    // Another worker has it, or nobody waits for it.
    if (taken === 0) return;
    const reporter = new Reporter(this.#maxMessage, payload =>
      this.#commands.parforReport(
        this.#keys.client(client),
        this.#keys.reports(client),
        chunk,
        payload,
        LIFETIME.payload,
      ),
    );
    let end: ChunkEnd | 'cancelled';
    try {
      if (!isBuffer(taken))
        throw new MessageError(
          `the chunk is ${taken} bytes long, more than the ${this.#maxMessage} of maxMessage`,
        );
      const { inputs: message } = readChunk(taken);
      held.length = message.length;
      const run = await this.#runs.get(client, runId);
      if (run) this.#tasks.confirm(run.definition.task);
      if (run === undefined) end = { kind: 'undefined' };
      else if (early) end = early === 'done' ? { kind: 'done' } : early;
      else
        end = await this.#execute(
          { run, first: 0, inputs: { length: message.length }, message },
          held,
          reporter,
        );
    } catch (error) {
      end = endBefore(error);
      this.#fault(`${end.kind === 'refused' ? 'rejected: ' : ''}${(error as Error).message}`, held.id);
    }
    if (end !== 'cancelled') await reporter.end(end);
    else reporter.drop();
    this.#log({
      event: 'chunk',
      job: held.id,
      inputs: held.length,
      settled: held.settled,
      end: end === 'cancelled' ? end : end.kind,
      elapsed: Math.round(performance.now() - held.since),
    });
  }

  #execute(chunk: RemoteChunk, held: Held, reporter: Reporter): Promise<ChunkEnd | 'cancelled'> {
    return new Promise(resolve => {
      held.stop = end => {
        held.subscription?.unsubscribe();
        resolve(end === 'done' ? { kind: 'done' } : end);
      };
      held.subscription = this.#executor.run(chunk).subscribe({
        next: report => {
          held.settled += report.count;
          reporter.add((report as RemoteReport).message, () => held.stop('cancelled'));
        },
        error: error => resolve(endOf(error)),
        complete: () => resolve({ kind: 'done' }),
      });
    });
  }

  /** What the chunks of a run share. */
  async #fetch(key: string): Promise<RemoteRun | undefined> {
    const size = await this.#commands.strlen(key);
    if (size > this.#maxMessage)
      throw new MessageError(
        `the definition is ${size} bytes long, more than the ${this.#maxMessage} of maxMessage`,
      );
    const bytes = await this.#commands.getBuffer(key);
    if (!bytes) return undefined;
    const { task, args, kwargs, spread, tag, taskTimeout } = readDefinition(bytes);
    return {
      task: () => undefined,
      args: [],
      kwargs: undefined,
      spread,
      concurrency: this.threads,
      taskTimeout,
      definition: { task: this.#tasks.receive(task), args, kwargs, spread, tag },
    };
  }

  #cancelled(message: string): void {
    let cancelled: Cancelled;
    try {
      cancelled = readCancelled(message);
    } catch (error) {
      this.#fault(`a message was rejected: ${(error as Error).message}`);
      return;
    }
    for (const chunk of cancelled.chunks) this.#held.get(jobId(cancelled.client, chunk))?.stop('cancelled');
    for (const run of cancelled.runs) this.#runs.forget(cancelled.client, run);
  }

  /** Says that this worker is there and what it has, and drops what nobody waits for. */
  async #beat(): Promise<void> {
    this.#beats += 1;
    const beat: WorkerBeat = {
      threads: this.#closed ? 0 : this.threads,
      place: this.#place,
      beat: this.#beats,
      held: [...this.#held.keys()],
    };
    const clients = [
      ...new Set([...this.#runs.clients, ...[...this.#held.values()].map(({ job }) => job.client)]),
    ];
    for (const client of this.#missing.keys()) if (!clients.includes(client)) this.#missing.delete(client);
    try {
      const pipeline = this.#commands
        .pipeline()
        .sadd(this.#keys.workers, this.#id)
        .pexpire(this.#keys.workers, LIFETIME.payload)
        .set(this.#keys.worker(this.#id), JSON.stringify(beat), 'PX', LIFETIME.worker);
      for (const client of clients) pipeline.get(this.#keys.client(client));
      const answers = (await pipeline.exec()) ?? [];
      clients.forEach((client, i) => {
        const [error, answer] = answers[i + 3] ?? [];
        if (!error) this.#look(client, answer as string | null);
      });
    } catch (error) {
      this.#fault(`Redis: ${(error as Error).message}`);
    }
  }

  /** Drops chunks and runs of a client that is dead, or that it does not wait for any more, though that was not heard here. */
  #look(client: string, answer: string | null): void {
    const held = [...this.#held.values()].filter(({ job }) => job.client === client);
    if (answer === null) {
      // It may just have been cut off.
      const missing = (this.#missing.get(client) ?? 0) + 1;
      if (missing < 2) {
        this.#missing.set(client, missing);
        return;
      }
      this.#missing.delete(client);
      this.#runs.forgetOthers(client, undefined);
      // One that rests has only taken back its sign of life.
      if (held.length === 0) return;
      this.#fault(`the client ${client} is gone; its chunks are dropped`);
      for (const one of held) {
        one.stop('cancelled');
        const { run } = one.job;
        this.#commands
          .del(this.#keys.definition(client, run), this.#keys.reports(client))
          .catch(() => undefined);
      }
      return;
    }
    this.#missing.delete(client);
    try {
      const beat = readClientBeat(answer);
      for (const one of held)
        if (one.job.chunk <= beat.last && !beat.open.includes(one.job.chunk)) one.stop('cancelled');
      this.#runs.forgetOthers(client, beat);
    } catch (error) {
      this.#fault(`a message was rejected: ${(error as Error).message}`);
    }
  }
}
