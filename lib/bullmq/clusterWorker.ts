import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { ResourceLimits } from 'node:worker_threads';
import { type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Subscription } from 'rxjs';
import { milliseconds, type Rule, yesOrNo } from '../checkOptions.js';
import { LeaseExpired, WorkerLost } from '../executor.js';
import { TinypoolExecutor } from '../executors/tinypoolExecutor.js';
import { executorRules, parallelismOf, threadArguments } from '../executors/workerOptions.js';
import type { ReportMessage } from '../protocol.js';
import { slicePacked } from '../transport/packing.js';
import { Encoder } from '../transport/values.js';
import { checkQueue, queueRules } from './bullmq.js';
import { SLICE } from './clusterExecutor.js';
import { DEFAULT_MAX_MESSAGE, toBytes } from './codec.js';
import { addressOf, type ClusterConnection, connectionTo } from './connection.js';
import { MessageError } from './errors.js';
import { type FarChunk, FarOutcome, type FarReport, type FarRun, farCrossing } from './farCrossing.js';
import { BEAT, DEFAULT_PREFIX, jobId, Keys, LIFETIME } from './keys.js';
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
} from './messages.js';
import { type Permissions, Refusal, receiveTask } from './moduleTask.js';
import { type ScriptedRedis, withScripts } from './scripts.js';

/** What has settled is sent at least this often, in ms. */
const REPORT_EVERY = 20;

/** How long a job stays this worker's without its lock being renewed, in ms. The inputs are taken only once anyway. */
const LOCK = 5_000;

/** Milliseconds for what is under way when the worker is to end. */
const DEFAULT_GRACE = 10_000;

/** What a worker tells of itself. */
export type WorkerEvent =
  | {
      readonly event: 'join' | 'leave';
      readonly queue: string;
      readonly threads: number;
      readonly place: string;
    }
  | {
      readonly event: 'chunk';
      readonly job: string;
      readonly inputs: number;
      /** How many of them have settled here. */
      readonly settled: number;
      readonly end: ChunkEnd['kind'] | 'cancelled';
      /** Milliseconds from the job to its end. */
      readonly elapsed: number;
    }
  | { readonly event: 'fault'; readonly message: string; readonly job?: string };

/** Options of `clusterWorker()`. */
export interface ClusterWorkerOptions {
  /** The queue to serve. */
  queue: string;
  /** Where Redis is: `{ url }`, or ioredis's own options. Default: localhost. */
  connection?: ClusterConnection;
  /** What all keys in Redis begin with, as that of the clients. Default: `'bull'`. */
  prefix?: string;
  /** The project's root: modules inside it may be run, and no others. Default: the working folder. */
  root?: string;
  /** Threads, from 1. Default: the number of physical cores that this process may use. */
  threads?: number;
  /** Whether functions that are shipped as source may run. Default: `false`. */
  allowInline?: boolean;
  /** Milliseconds that `close()` leaves to what is under way. Default: 10,000. */
  grace?: number;
  /** The most bytes of one message. From 1,024; default: 64 MiB. */
  maxMessage?: number;
  /** Milliseconds after which an idle thread is ended, from 0. Default: never. */
  idleTimeout?: number;
  /** Environment variables of the threads. Default: those of this process. */
  env?: Record<string, string>;
  /** Node's command-line options for the threads. Default: those of this process. */
  execArgv?: string[];
  /** Limits of each thread's memory, as of Node's `Worker`. Default: Node's. */
  resourceLimits?: ResourceLimits;
  /** Is told of everything that happens. Default: nobody. */
  log?: (event: WorkerEvent) => void;
}

const rules: Record<keyof ClusterWorkerOptions, Rule> = {
  ...queueRules,
  threads: executorRules.maxThreads,
  allowInline: yesOrNo,
  grace: milliseconds,
  idleTimeout: executorRules.idleTimeout,
  env: executorRules.env,
  execArgv: executorRules.execArgv,
  resourceLimits: executorRules.resourceLimits,
  log: { accepts: 'a function', test: value => typeof value === 'function' || 'type' },
};

/** A worker that has joined. */
export interface ClusterWorker extends AsyncDisposable {
  readonly threads: number;
  /** Chunks that run now. */
  readonly busy: number;
  /** Takes no further chunk, leaves `grace` to those under way, hands back the rest, and leaves. */
  close(): Promise<void>;
}

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

class QueueWorker implements ClusterWorker {
  readonly threads: number;
  readonly #id = randomBytes(8).toString('hex');
  readonly #place = `${hostname()}/${process.pid}`;
  readonly #keys: Keys;
  readonly #executor: TinypoolExecutor;
  readonly #held = new Map<string, Held>();
  readonly #runs = new Map<string, Promise<FarRun | undefined>>();
  readonly #missing = new Map<string, number>();
  readonly #permissions: Permissions;
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
    this.#permissions = { root: options.root ?? process.cwd(), allowInline: options.allowInline ?? false };
    this.#maxMessage = options.maxMessage ?? DEFAULT_MAX_MESSAGE;
    this.#log = options.log ?? (() => undefined);
    const { parallelism } = parallelismOf(threads);
    this.threads = parallelism;
    this.#executor = new TinypoolExecutor({
      runtime: 'worker_threads',
      parallelism,
      elastic: false,
      idleTimeout,
      slice: SLICE,
      crossing: farCrossing,
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
      if (joined) this.#fault(`Redis: ${error.message || (error as NodeJS.ErrnoException).code}`);
    };
    this.#commands.on('error', note);
    try {
      await this.#commands.connect();
    } catch (error) {
      this.#commands.disconnect();
      const { message, code } = (last ?? error) as NodeJS.ErrnoException;
      throw new Error(
        `Redis at ${addressOf(this.#commands)} cannot be reached (${message || code}); see that it runs and that the connection is right`,
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
      const run = await this.#runOf(client, runId);
      if (run === undefined) end = { kind: 'undefined' };
      else if (early) end = early === 'done' ? { kind: 'done' } : early;
      else
        end = await this.#execute(
          { run, first: 0, inputs: { length: message.length }, message },
          held,
          reporter,
        );
    } catch (error) {
      if (!(error instanceof MessageError || error instanceof Refusal)) throw error;
      this.#fault(`rejected: ${error.message}`, held.id);
      end = { kind: 'refused', why: error.message };
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

  #execute(chunk: FarChunk, held: Held, reporter: Reporter): Promise<ChunkEnd | 'cancelled'> {
    return new Promise(resolve => {
      held.stop = end => {
        held.subscription?.unsubscribe();
        resolve(end === 'done' ? { kind: 'done' } : end);
      };
      held.subscription = this.#executor.run(chunk).subscribe({
        next: report => {
          held.settled += report.count;
          reporter.add((report as FarReport).message, () => held.stop('cancelled'));
        },
        error: error => resolve(endOf(error)),
        complete: () => resolve({ kind: 'done' }),
      });
    });
  }

  /** What the chunks of a run share: fetched with the first of them. */
  #runOf(client: string, id: number): Promise<FarRun | undefined> {
    const key = this.#keys.definition(client, id);
    const known = this.#runs.get(key);
    if (known) return known;
    const run = this.#fetch(key);
    this.#runs.set(key, run);
    const forget = () => this.#runs.delete(key);
    run.then(found => {
      if (!found) forget();
    }, forget);
    return run;
  }

  async #fetch(key: string): Promise<FarRun | undefined> {
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
      definition: { task: receiveTask(task, this.#permissions), args, kwargs, spread, tag },
    };
  }

  async #forgetRun(key: string): Promise<void> {
    const run = await this.#runs.get(key)?.catch(() => undefined);
    this.#runs.delete(key);
    if (run) this.#executor.release(run);
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
    for (const run of cancelled.runs) this.#forgetRun(this.#keys.definition(cancelled.client, run));
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
    const clients = [...new Set([...this.#held.values()].map(({ job }) => job.client))];
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

  /** Drops chunks of a client that is dead, or that it does not wait for any more, though that was not heard here. */
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
      this.#fault(`the client ${client} is gone; its chunks are dropped`);
      for (const one of held) {
        one.stop('cancelled');
        const key = this.#keys.definition(client, one.job.run);
        this.#forgetRun(key);
        this.#commands.del(key, this.#keys.reports(client)).catch(() => undefined);
      }
      return;
    }
    this.#missing.delete(client);
    try {
      const { last, open } = readClientBeat(answer);
      for (const one of held)
        if (one.job.chunk <= last && !open.includes(one.job.chunk)) one.stop('cancelled');
    } catch (error) {
      this.#fault(`a message was rejected: ${(error as Error).message}`);
    }
  }
}

/** Why a chunk ended with an error. */
function endOf(error: unknown): ChunkEnd {
  if (error instanceof LeaseExpired) return { kind: 'expired' };
  const encoder = new Encoder(false, true);
  if (error instanceof WorkerLost) {
    const { exitCode, reason, cause } = error.exit;
    return {
      kind: 'lost',
      exitCode,
      reason,
      startup: error.atStart,
      cause: cause === undefined ? undefined : encoder.encodeThrown(cause),
      tag: encoder.tag,
    };
  }
  if (error instanceof FarOutcome) {
    return { kind: 'notRunnable', ...error.outcome };
  }
  return { kind: 'notRunnable', error: encoder.encodeThrown(error), tag: encoder.tag };
}

/** Gathers the reports of a chunk, so that Redis is not asked for each. */
class Reporter {
  #reports: ReportMessage[] = [];
  #from = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly most: number,
    private readonly send: (payload: Buffer) => Promise<number>,
  ) {}

  /** @param onGone is called when the client is gone */
  add(report: ReportMessage, onGone: () => void): void {
    this.#reports.push(report);
    this.#timer ??= setTimeout(() => {
      this.#flush(undefined).then(
        there => {
          if (!there) onGone();
        },
        () => undefined,
      );
    }, REPORT_EVERY);
  }

  async end(end: ChunkEnd): Promise<void> {
    await this.#flush(end);
  }

  drop(): void {
    clearTimeout(this.#timer);
    this.#reports = [];
  }

  async #flush(end: ChunkEnd | undefined): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const reports = this.#reports;
    this.#reports = [];
    const from = this.#from;
    for (const { count } of reports) this.#from += count;
    let sent = Promise.resolve(1);
    for (const payload of this.#payloads(from, reports, end)) sent = this.send(payload);
    return (await sent) !== 0;
  }

  /** As few messages as are allowed. */
  *#payloads(from: number, reports: readonly ReportMessage[], end: ChunkEnd | undefined): Generator<Buffer> {
    const bytes = toBytes({ from, reports, ...(end && { end }) });
    if (bytes.length <= this.most) {
      yield bytes;
      return;
    }
    const [report] = reports;
    if (report === undefined) {
      yield toBytes({
        from,
        reports,
        end: { kind: 'refused', why: `the error is ${bytes.length} bytes long` },
      });
    } else if (reports.length > 1 || report.count > 1) {
      const [first, second] = reports.length > 1 ? halves(reports) : splitReport(report);
      const middle = from + first.reduce((sum, { count }) => sum + count, 0);
      yield* this.#payloads(from, first, undefined);
      yield* this.#payloads(middle, second, end);
    } else {
      const why = `${bytes.length} bytes long, more than the ${this.most} of a message; raise \`maxMessage\` on both sides, or return less`;
      const failed: ReportMessage = {
        ...report,
        rows: slicePacked(report.rows, 0, 0),
        failures: [{ offset: 0, cause: undefined, untransferable: { what: 'result', path: '', why } }],
        tag: {},
      };
      yield toBytes({ from, reports: [failed], ...(end && { end }) });
    }
  }
}

const halves = <T>(items: readonly T[]): [T[], T[]] => {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
};

function splitReport(report: ReportMessage): [ReportMessage[], ReportMessage[]] {
  const middle = report.count >> 1;
  const early = report.failures.filter(({ offset }) => offset < middle);
  const late = report.failures.filter(({ offset }) => offset >= middle);
  const rows = middle - early.length;
  const { tag } = report.rows;
  const part = (from: number, to: number) => ({
    ...slicePacked(report.rows, from, to),
    ...(tag && { tag }),
  });
  return [
    [{ ...report, count: middle, rows: part(0, rows), failures: early, elapsed: report.elapsed / 2 }],
    [
      {
        ...report,
        count: report.count - middle,
        rows: part(rows, report.rows.length),
        failures: late.map(failure => ({ ...failure, offset: failure.offset - middle })),
        elapsed: report.elapsed / 2,
      },
    ],
  ];
}

/**
 * Joins a queue as a worker, and runs the chunks of its clients on threads of this process.
 *
 * It keeps the program alive until it is closed, also while Redis is away. What it runs are modules inside `root`, and
 * with `allowInline` functions that are shipped as source; both with all the rights of this process.
 * @returns when it has joined
 * @throws TypeError, RangeError for wrong options; Error where Redis cannot be reached
 * @example
 * const worker = await clusterWorker({ queue: 'sweeps', connection: { url: process.env.REDIS_URL }, threads: 8 });
 * process.once('SIGTERM', () => worker.close());
 */
export async function clusterWorker(options: ClusterWorkerOptions): Promise<ClusterWorker> {
  checkQueue('clusterWorker', options, rules);
  return new QueueWorker(options).join();
}
