import process from 'node:process';
import { setImmediate } from 'node:timers';
import type { MessagePort } from 'node:worker_threads';
import { chunkState } from '../protocol/chunkState.js';
import type {
  ChunkMessage,
  RunDefinition,
  StartMessage,
  Transferable,
  WorkerCommand,
  WorkerMessage,
} from '../protocol/messages.js';
import { parentVariable } from '../protocol/parentVariable.js';
import { Encoder } from '../serialization/encode.js';
import { freeBuffers } from '../serialization/freeBuffers.js';
import { endWithParent } from './endWithParent.js';
import { leaveSignalsToParent } from './leaveSignalsToParent.js';
import { type LoadedTask, loadTask } from './loadTask.js';
import { type Post, runChunk } from './runChunk.js';

// Tasks may replace what follows, as test tools do: the worker goes on with what was there when it was loaded.
const { load, compareExchange } = Atomics;
const send = process.send?.bind(process);
const exit = process.exit.bind(process);
const outputs = [process.stdout, process.stderr].map(output => ({
  isEmpty: () => output.writableLength === 0,
  write: output.write.bind(output),
}));

// Nested runs look here, to stay in this worker.
(globalThis as Record<symbol, unknown>)[Symbol.for('rx-parfor.worker')] = true;

const parent = Number(process.env[parentVariable]);
if (process.send && parent > 0) {
  endWithParent(parent);
  leaveSignalsToParent();
  process.on('disconnect', () => exit());
}

interface KnownRun {
  readonly definition: RunDefinition;
  task?: Promise<LoadedTask>;
}

const runs = new Map<number, KnownRun>();
let port: MessagePort | undefined;
let busy = false;

/** Chunks that nobody waits for any more, by their numbers; only processes are told so by message. */
const cancelled = new Set<number>();

function notice({ chunk, forget, cancel }: WorkerCommand): void {
  for (const id of forget ?? []) runs.delete(id);
  if (cancel !== undefined) cancelled.add(cancel);
  if (chunk) enqueue(chunk);
}

function post(message: WorkerMessage, moved: readonly Transferable[] = []): void {
  if (port) port.postMessage(message, moved as Transferable[]);
  else send?.({ rxParfor: message });
}

function postError(kind: 'fatal' | 'stray', error: unknown): void {
  const encoder = new Encoder({ sharedMemory: port !== undefined, transferMarked: true });
  post({ kind, error: encoder.encodeThrown(error), tag: encoder.tag });
}

/** The worker cannot go on: it says why, and ends. Its inputs run again, one by one. */
function die(error: unknown): void {
  postError('fatal', error);
  if (port) exit(1);
  // What was sent must leave first.
  else send?.({}, () => exit(1));
}

// A stray error of a task that has returned must not fail its successor. While a task is awaited it cannot be told
// whose error it is: the worker ends, as a program would.
process.on('uncaughtException', error => {
  if (busy) die(error);
  else postError('stray', error);
});

/** Whether the chunk is still to be run; what was in time to take it back has it. */
const claim = ({ state, number }: ChunkMessage): boolean =>
  state
    ? compareExchange(state, 0, chunkState.waiting, chunkState.running) === chunkState.waiting
    : !cancelled.has(number);

async function runClaimed(message: ChunkMessage): Promise<void> {
  const { id, number, state } = message;
  const run = runs.get(id);
  if (run === undefined)
    throw new Error(`the definition ${id} of a run did not reach this worker; please report this`);
  const first = run.task === undefined;
  run.task ??= loadTask(run.definition);
  let loaded: LoadedTask;
  try {
    loaded = await run.task;
  } catch (error) {
    const encoder = new Encoder({ sharedMemory: port !== undefined, transferMarked: true });
    const notRunnable = { error: encoder.encodeThrown(error), tag: encoder.tag };
    return post({ kind: 'end', notRunnable });
  }
  if (first) post({ kind: 'loaded' });
  if (message.taskTimeout !== undefined) post({ kind: 'started' });
  const isCancelled = state ? () => load(state, 0) === chunkState.cancelled : () => cancelled.has(number);
  let printed = false;
  const report: Post = (report, moved) => {
    if (report.kind === 'returned' || report.kind === 'started') return post(report);
    const last = report.kind === 'end' || report.last;
    printed = last && !outputs.every(({ isEmpty }) => isEmpty());
    // A large report is long on its way to another process. That no task runs is heard at once.
    if (!port && report.kind === 'report' && !isSmall(report.rows)) post({ kind: 'returned' });
    if (!printed) post(report, moved);
    else if (report.kind === 'report') post({ ...report, last: false }, moved);
  };
  await runChunk(message, loaded, report, port !== undefined && !message.remote, isCancelled);
  if (port) freeBuffers(message.inputs);
  if (!printed) return;
  // The program may end with the chunk: what its tasks have printed leaves first.
  for (const { write } of outputs) await new Promise<void>(resolve => write('', () => resolve()));
  post({ kind: 'end', notRunnable: undefined });
}

/** Bytes that a channel between processes takes at once. */
const SMALL = 65_536;

const isSmall = ({ columns }: { readonly columns: readonly ArrayLike<unknown>[] }): boolean =>
  columns.every(column => column instanceof Float64Array) &&
  columns.reduce((sum, { length }) => sum + length, 0) * 8 < SMALL;

async function runOne(message: ChunkMessage): Promise<void> {
  // What a process was told while it ran the chunk before is heard first.
  if (!port) await new Promise(resolve => setImmediate(resolve));
  // Also of a chunk that is not run: the next one of its run comes without.
  if (message.definition) runs.set(message.id, { definition: message.definition });
  // Of chunks that have ended before: they come in the order of their numbers.
  for (const number of cancelled) if (number < message.number) cancelled.delete(number);
  busy = claim(message);
  if (!port) post({ kind: 'begun' });
  try {
    if (busy) await runClaimed(message);
    else post({ kind: 'end', notRunnable: undefined });
  } finally {
    busy = false;
  }
}

let last: Promise<void> = Promise.resolve();

/** Runs a chunk after those that came before it. */
function enqueue(message: ChunkMessage): void {
  // Of a chunk that fails here nobody would hear: a row, say, that cannot be sent after all.
  last = last.then(() => runOne(message)).catch(error => new Promise(() => die(error)));
}

/** Opens the way for chunks: what Tinypool calls. */
export default function start(hello: StartMessage): void {
  if (hello.port) {
    port = hello.port;
    port.on('message', notice);
    port.on('messageerror', die);
    port.unref();
  } else
    process.on('message', (message: { rxParfor?: WorkerCommand } | null) => {
      if (message && Object.hasOwn(message, 'rxParfor')) notice(message.rxParfor as WorkerCommand);
    });
  post({ kind: 'ready' });
}
