import type { Executor } from '../../../executor.js';
import {
  checkOptions,
  isPlainObject,
  milliseconds,
  ofType,
  type Rule,
  whole,
} from '../../../options/checkOptions.js';
import { DEFAULT_MAX_MESSAGE } from '../protocol/codec.js';
import type { ClusterConnection } from '../redis/connection.js';
import { DEFAULT_PREFIX } from '../redis/keys.js';
import { ClusterExecutor } from './clusterExecutor.js';

/** Options of `bullmq()`. */
export interface BullmqOptions {
  /** The queue that the workers serve. */
  queue: string;
  /** Where Redis is: `{ url }`, or ioredis's own options, `tls` and `password` included. Default: localhost. */
  connection?: ClusterConnection;
  /** What all keys in Redis begin with; those of another prefix are never met. Default: `'bull'`, as in BullMQ. */
  prefix?: string;
  /** Milliseconds without any connected worker until runs end with a `NoWorkersError`. Default: they wait. */
  workerTimeout?: number;
  /** The folder that modules of tasks are named relative to, as `--root` of the workers. Default: the working folder. */
  root?: string;
  /** The most bytes of one message: a chunk, the `args` of a run, a report. From 1,024; default: 64 MiB. */
  maxMessage?: number;
}

const text = (accepts: string, test: (value: string) => boolean): Rule =>
  ofType(accepts, value => typeof value === 'string' && test(value));

export const queueRules: Record<'queue' | 'connection' | 'prefix' | 'root' | 'maxMessage', Rule> = {
  queue: text('a name without `:`', value => value !== '' && !value.includes(':')),
  connection: ofType('an object: { url }, or options of ioredis', isPlainObject),
  prefix: text('a text', value => value !== ''),
  root: text('a folder', value => value !== ''),
  maxMessage: whole(1_024),
};

/** @throws TypeError where the queue is not named, which has no default */
export function checkQueue(owner: string, options: unknown, rules: Readonly<Record<string, Rule>>): void {
  checkOptions(owner, options, rules);
  if ((options as { queue?: unknown } | undefined)?.queue === undefined)
    throw new TypeError(`${owner}: \`queue\` must be given: the name of the queue that the workers serve`);
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
  checkQueue('bullmq', options, { ...queueRules, workerTimeout: milliseconds });
  return new ClusterExecutor({
    queue: options.queue,
    prefix: options.prefix ?? DEFAULT_PREFIX,
    connection: options.connection ?? {},
    workerTimeout: options.workerTimeout,
    root: options.root ?? process.cwd(),
    maxMessage: options.maxMessage ?? DEFAULT_MAX_MESSAGE,
  });
}
