import type { Executor } from '../../../executor.js';
import { milliseconds } from '../../../runtime/checkOptions.js';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../protocol/messageSize.js';
import { checkQueue, DEFAULT_PREFIX, queueRules } from '../protocol/queueOptions.js';
import type { ClusterConnection } from '../redis/connection.js';
import { ClusterExecutor } from './clusterExecutor.js';

/** Options of `bullmq()`. */
export interface BullmqOptions {
  /** The queue that the workers serve. */
  queue: string;
  /** The connection to Redis: `{ url }`, or ioredis's own options, `tls` and `password` included. Default: localhost. */
  connection?: ClusterConnection;
  /** The start of all keys in Redis; clients and workers of another prefix are never met. Default: `'bull'`, as in BullMQ. */
  prefix?: string;
  /** Milliseconds without any connected worker until runs end with a `NoWorkersError`. Default: they wait. */
  workerTimeout?: number;
  /** The folder that modules of tasks are named relative to, as `--root` of the workers. Default: the working folder. */
  root?: string;
  /** The most bytes of one message: a chunk, the `args` of a run, a report. From 1,024; default: 64 MiB. */
  maxMessage?: number;
}

/**
 * An executor of workers on other hosts, on BullMQ over Redis.
 *
 * Start workers with `npx rx-parfor-worker --queue … --redis … --root .`; they may come and go while a run is under way.
 * It connects with its first run, and keeps no program alive that has none. Tasks travel as the path of their module;
 * functions that are shipped as source need workers with `--allow-inline`.
 * @throws TypeError, RangeError for wrong options
 * @example
 * await using cluster = bullmq({ queue: 'sweeps', connection: { url: process.env.REDIS_URL } });
 * await lastValueFrom(linspace(0, 1, 1_000).pipe(parfor(simulate, { executor: cluster })));
 */
export function bullmq(options: BullmqOptions): Executor & AsyncDisposable {
  const given = checkQueue<BullmqOptions>('bullmq', options, { ...queueRules, workerTimeout: milliseconds });
  return new ClusterExecutor({
    queue: given.queue,
    prefix: given.prefix ?? DEFAULT_PREFIX,
    connection: given.connection ?? {},
    workerTimeout: given.workerTimeout,
    root: given.root ?? process.cwd(),
    maxMessage: given.maxMessage ?? DEFAULT_MAX_MESSAGE_BYTES,
  });
}
