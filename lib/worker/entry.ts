import type { MessagePort } from 'node:worker_threads';
import { chunkState } from '../chunkState.js';
import { parentVariable } from '../parentVariable.js';
import type { ChunkMessage, Definition, Movable, WorkerMessage, WorkerNotice } from '../protocol.js';
import { discard } from '../transport/discard.js';
import { Encoder } from '../transport/values.js';
import { endWithParent } from './endWithParent.js';
import { type LoadedTask, loadTask } from './loadTask.js';
import { type Post, runChunk } from './runChunk.js';

// Nested runs look here, to stay in this worker.
(globalThis as Record<symbol, unknown>)[Symbol.for('rx-parfor.worker')] = true;

const parent = Number(process.env[parentVariable]);
if (process.send && parent > 0) endWithParent(parent);

interface KnownRun {
  readonly definition: Definition;
  task?: Promise<LoadedTask>;
}

const runs = new Map<number, KnownRun>();
const outputs = [process.stdout, process.stderr];
let port: MessagePort | undefined;
let busy = false;

/** The number of the chunk that ended last. */
let ended = -1;
/** Chunks that nobody waits for any more, by their numbers; only processes are told so by message. */
const cancelled = new Set<number>();

function notice({ chunk, forget = [], cancel = -1 }: WorkerNotice): void {
  for (const id of forget) runs.delete(id);
  if (cancel > ended) cancelled.add(cancel);
  if (chunk) enqueue(chunk);
}

function post(message: WorkerMessage, moved: readonly Movable[] = []): void {
  if (port) port.postMessage(message, moved as Movable[]);
  else process.send?.(message);
}

function postError(kind: 'fatal' | 'stray', error: unknown): void {
  const encoder = new Encoder(port !== undefined, true);
  post({ kind, error: encoder.encodeThrown(error), tag: encoder.tag });
}

/** The worker cannot go on: it says why, and ends. Its inputs run again, one by one. */
function die(error: unknown): void {
  postError('fatal', error);
  if (port) process.exit(1);
  // What was sent must leave first.
  else process.send?.({}, () => process.exit(1));
}

// A stray error of a task that has returned must not fail its successor. While a task is awaited it cannot be told
// whose error it is: the worker ends, as a program would.
process.on('uncaughtException', error => {
  if (busy) die(error);
  else postError('stray', error);
});

process.on('message', (message: WorkerNotice | undefined) => message && notice(message));

/** Whether the chunk is still to be run; what was in time to take it back has it. */
const claim = ({ state, number }: ChunkMessage): boolean =>
  state
    ? Atomics.compareExchange(state, 0, chunkState.waiting, chunkState.running) === chunkState.waiting
    : !cancelled.has(number);

async function runClaimed(message: ChunkMessage): Promise<void> {
  const { id, number, state } = message;
  const run = runs.get(id);
  if (run === undefined)
    throw new Error(`the definition ${id} of a run did not reach this worker; please report this`);
  run.task ??= loadTask(run.definition);
  let loaded: LoadedTask;
  try {
    loaded = await run.task;
  } catch (error) {
    delete run.task;
    const encoder = new Encoder(port !== undefined, true);
    const notRunnable = { error: encoder.encodeThrown(error), tag: encoder.tag };
    return post({ kind: 'end', notRunnable });
  }
  if (message.announce) post({ kind: 'started' });
  const isCancelled = state
    ? () => Atomics.load(state, 0) === chunkState.cancelled
    : () => cancelled.has(number);
  let printed = false;
  const report: Post = (report, moved) => {
    const last = report.kind === 'end' || report.last === true;
    printed = last && outputs.some(({ writableLength }) => writableLength > 0);
    if (!printed) post(report, moved);
    else if (report.kind === 'report') post({ ...report, last: false }, moved);
  };
  await runChunk(message, loaded, report, port !== undefined && message.far !== true, isCancelled);
  if (port) discard(message.inputs);
  if (!printed) return;
  // The program may end with the chunk: what its tasks have printed leaves first.
  for (const output of outputs) await new Promise(resolve => output.write('', resolve));
  post({ kind: 'end' });
}

async function runOne(message: ChunkMessage): Promise<void> {
  // What a process was told while it ran the chunk before is heard first.
  if (!port) await new Promise(resolve => setImmediate(resolve));
  // Also of a chunk that is not run: the next one of its run comes without.
  if (message.definition) runs.set(message.id, { definition: message.definition });
  busy = claim(message);
  try {
    if (busy) await runClaimed(message);
    else post({ kind: 'end' });
  } finally {
    busy = false;
    ended = message.number;
    cancelled.delete(ended);
  }
}

let last: Promise<void> = Promise.resolve();

/** Runs a chunk after those that came before it. */
function enqueue(message: ChunkMessage): Promise<void> {
  // Of a chunk that fails here nobody would hear: a row, say, that cannot be sent after all.
  last = last.then(() => runOne(message)).catch(error => new Promise(() => die(error)));
  return last;
}

/** Runs the first chunk: what Tinypool calls. The others come by the way that this one opens. */
export default function run(message: ChunkMessage): Promise<void> {
  if (message.port) {
    port = message.port;
    port.on('message', notice);
    port.unref();
  }
  return enqueue(message);
}
