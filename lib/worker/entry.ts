import type { MessagePort } from 'node:worker_threads';
import { parentVariable } from '../parentVariable.js';
import type { ChunkMessage, ChunkOutcome, Movable, WorkerMessage } from '../protocol.js';
import { Encoder } from '../transport/values.js';
import { endWithParent } from './endWithParent.js';
import { type LoadedTask, loadTask } from './loadTask.js';
import { runChunk } from './runChunk.js';

// Nested runs look here, to stay in this worker.
(globalThis as Record<symbol, unknown>)[Symbol.for('rx-parfor.worker')] = true;

const parent = Number(process.env[parentVariable]);
if (process.send && parent > 0) endWithParent(parent);

const tasks = new Map<number, Promise<LoadedTask>>();
let port: MessagePort | undefined;
let busy = false;

const forget = (ids: readonly number[] | undefined) => {
  for (const id of ids ?? []) tasks.delete(id);
};

function post(message: WorkerMessage, moved: readonly Movable[] = []): void {
  if (port) port.postMessage(message, moved as Movable[]);
  else process.send?.(message);
}

// A stray error of a task that has returned must not fail its successor. While a task is awaited it cannot be told
// whose error it is: the worker ends, as a program would, and its inputs run again one by one.
process.on('uncaughtException', error => {
  const encoder = new Encoder(port !== undefined, true);
  post({ kind: busy ? 'fatal' : 'stray', error: encoder.encodeThrown(error), tag: encoder.tag });
  if (!busy) return;
  if (port) process.exit(1);
  // What was sent must leave first.
  else process.send?.({}, () => process.exit(1));
});

// Between chunks a definition may be let go of at once.
process.on('message', (message: { forget?: number[] } | undefined) => forget(message?.forget));

/** Runs one chunk: what Tinypool calls. */
export default async function run(message: ChunkMessage): Promise<ChunkOutcome> {
  const { id, definition } = message;
  if (message.port) {
    port = message.port;
    port.on('message', message => forget(message.forget));
    port.unref();
  }
  busy = true;
  try {
    let task = tasks.get(id);
    if (task === undefined) {
      if (!definition)
        throw new Error(`the definition ${id} of a run did not reach this worker; please report this`);
      task = loadTask(definition);
      tasks.set(id, task);
    }
    let loaded: LoadedTask;
    try {
      loaded = await task;
    } catch (error) {
      tasks.delete(id);
      const encoder = new Encoder(port !== undefined, true);
      return { notRunnable: encoder.encodeThrown(error), tag: encoder.tag };
    }
    if (message.announce) post({ kind: 'started' });
    await runChunk(message, loaded, post, port !== undefined && message.far !== true);
    return undefined;
  } finally {
    busy = false;
  }
}
