import { statSync } from 'node:fs';
import type { ResourceLimits } from 'node:worker_threads';
import { milliseconds, type Rule, yesOrNo } from '../../../runtime/checkOptions.js';
import { executorRules } from '../../workerOptions.js';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../protocol/messageSize.js';
import { checkQueue, DEFAULT_PREFIX, queueRules } from '../protocol/queueOptions.js';
import type { ClusterConnection } from '../redis/connection.js';
import { QueueWorker } from './queueWorker.js';
import type { WorkerEvent } from './workerEvent.js';

/** Options of `clusterWorker()`. */
export interface ClusterWorkerOptions {
  /** The queue to serve. */
  queue: string;
  /** The connection to Redis: `{ url }`, or ioredis's own options. Default: localhost. */
  connection?: ClusterConnection;
  /** The start of all keys in Redis, as the clients have it. Default: `'bull'`. */
  prefix?: string;
  /** The project's root: modules inside it may be run, and no others. Default: the working folder. */
  root?: string;
  /** Threads, from 1. Default: the number of physical cores that this process may use. */
  threads?: number;
  /** True if functions that are shipped as source may run. Default: `false`. */
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
  /** Hears everything that happens. Default: nobody. */
  log?: (event: WorkerEvent) => void;
}

/** Milliseconds for what is under way when the worker is to end. */
const DEFAULT_GRACE_MS = 10_000;

const rules: Record<keyof ClusterWorkerOptions, Rule> = {
  ...queueRules,
  root: {
    accepts: 'a folder that exists',
    test: value =>
      typeof value !== 'string'
        ? 'type'
        : statSync(value, { throwIfNoEntry: false })?.isDirectory()
          ? true
          : 'range',
  },
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
  /** The number of chunks that run now. */
  readonly busy: number;
  /** Takes no further chunk, leaves `grace` to those under way, hands back the rest, and leaves. */
  close(): Promise<void>;
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
  const given = checkQueue<ClusterWorkerOptions>('clusterWorker', options, rules);
  return QueueWorker.join({
    ...given,
    prefix: given.prefix ?? DEFAULT_PREFIX,
    connection: given.connection ?? {},
    root: given.root ?? process.cwd(),
    allowInline: given.allowInline ?? false,
    grace: given.grace ?? DEFAULT_GRACE_MS,
    maxMessage: given.maxMessage ?? DEFAULT_MAX_MESSAGE_BYTES,
    idleTimeout: given.idleTimeout ?? Infinity,
    log: given.log ?? (() => undefined),
  });
}
