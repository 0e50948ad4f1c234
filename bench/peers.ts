import { Piscina } from 'piscina';
import { FixedThreadPool } from 'poolifier';

import threads = require('threads');

import { Tinypool } from 'tinypool';
import workerpool from 'workerpool';
import type * as tasks from './peerWorkers/tasksOfOneValue.js';

export type TaskName = keyof typeof tasks;

/** A pool that people drive by hand: one promise for each input. */
export interface Peer {
  readonly name: string;
  run(task: TaskName, value: unknown): PromiseLike<unknown>;
  close(): PromiseLike<unknown>;
}

const workerFile = (name: string): URL => new URL(`./peerWorkers/${name}.js`, import.meta.url);

export function bareTinypool(workers: number): Peer {
  const pool = new Tinypool({
    filename: workerFile('tasksOfOneValue').href,
    minThreads: workers,
    maxThreads: workers,
  });
  return {
    name: 'Tinypool',
    run: (task, value) => pool.run(value, { name: task }),
    close: () => pool.destroy(),
  };
}

export function piscina(workers: number): Peer {
  const pool = new Piscina({
    filename: workerFile('tasksOfOneValue').href,
    minThreads: workers,
    maxThreads: workers,
  });
  return {
    name: 'Piscina',
    run: (task, value) => pool.run(value, { name: task }),
    close: () => pool.destroy(),
  };
}

export function workerpoolPool(workers: number): Peer {
  const pool = workerpool.pool(workerFile('workerpool').pathname, {
    minWorkers: workers,
    maxWorkers: workers,
    workerType: 'thread',
  });
  return {
    name: 'workerpool',
    run: (task, value) => pool.exec(task, [value]) as unknown as PromiseLike<unknown>,
    close: () => pool.terminate() as unknown as PromiseLike<unknown>,
  };
}

export function poolifier(workers: number): Peer {
  const pool = new FixedThreadPool(workers, workerFile('poolifier').pathname, {});
  return {
    name: 'poolifier',
    run: (task, value) => pool.execute(value, task),
    close: () => pool.destroy(),
  };
}

export function threadsJs(workers: number): Peer {
  type Exposed = Record<TaskName, (value: unknown) => unknown>;
  const spawn = () => threads.spawn<Exposed>(new threads.Worker('./peerWorkers/threads.js'));
  const pool = threads.Pool(spawn, workers);
  return {
    name: 'threads.js',
    run: (task, value) => pool.queue(thread => thread[task](value)),
    close: () => pool.terminate(),
  };
}

/** All of them, started. */
export function allPeers(workers: number): Peer[] {
  // Each worker's output is piped to this process's own: more listeners than Node expects of one stream.
  for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(20 * workers);
  return [bareTinypool, piscina, workerpoolPool, poolifier, threadsJs].map(start => start(workers));
}
