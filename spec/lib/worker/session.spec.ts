import { EventEmitter, on } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chunkState } from '../../../lib/protocol/chunkState.js';
import type {
  ChunkMessage,
  ColumnBatchMessage,
  ReportMessage,
  RunDefinition,
  WorkerCommand,
  WorkerMessage,
} from '../../../lib/protocol/messages.js';
import { decodeThrown } from '../../../lib/serialization/decode.js';
import { type OutputStream, OutputStreams } from '../../../lib/worker/outputStreams.js';
import { PortChannel } from '../../../lib/worker/portChannel.js';
import { type ChildProcess, ProcessChannel } from '../../../lib/worker/processChannel.js';
import { WorkerSession } from '../../../lib/worker/session.js';
import { sleep, timed, until } from '../../support/deadline.js';
import { decodedRows, encodedRows } from '../serialization/roundTrip.js';

const sessions = suite('session');
const it = timed(sessions);

/** A session under test, and all that its executor would hear of it. */
interface Subject extends Disposable {
  readonly session: WorkerSession;
  readonly heard: WorkerMessage[];
  /** The number of times that the worker was to end. */
  exits(): number;
  tell(command: Partial<WorkerCommand>): void;
}

/** Starts the session of a thread, on a real channel. */
function thread(outputs: readonly OutputStream[] = []): Subject {
  const { port1, port2 } = new MessageChannel();
  const heard: WorkerMessage[] = [];
  let exits = 0;
  const channel = Object.assign(new PortChannel(port2), { exit: () => (exits += 1) });
  const session = new WorkerSession(channel, new OutputStreams(outputs));
  port1.on('message', message => heard.push(message));
  session.start();
  return {
    session,
    heard,
    exits: () => exits,
    tell: command =>
      port1.postMessage({ chunk: undefined, forget: undefined, cancel: undefined, ...command }),
    [Symbol.dispose]: () => port1.close(),
  };
}

/** Starts the session of a process, of which only the channel is not real. */
function child(outputs: readonly OutputStream[] = []): Subject {
  const heard: WorkerMessage[] = [];
  let exits = 0;
  const events = new EventEmitter();
  const process = {
    send(message: unknown, sent?: () => void) {
      const { rxParfor } = structuredClone(message) as { rxParfor?: WorkerMessage };
      if (rxParfor) heard.push(rxParfor);
      sent?.();
    },
    exit: () => (exits += 1),
    on: (event: string, listener: (message: unknown) => void) => events.on(event, listener),
  };
  const channel = new ProcessChannel(process as unknown as ChildProcess);
  const session = new WorkerSession(channel, new OutputStreams(outputs));
  session.start();
  return {
    session,
    heard,
    exits: () => exits,
    tell: command => {
      const whole = { chunk: undefined, forget: undefined, cancel: undefined, ...command };
      setImmediate(() => events.emit('message', structuredClone({ rxParfor: whole })));
    },
    [Symbol.dispose]: () => events.removeAllListeners(),
  };
}

const kinds = { thread, child };

const definitionOf = (id: number, source: string): RunDefinition => ({
  id,
  task: { kind: 'source', name: 'f', source },
  args: [],
  kwargs: undefined,
  spread: false,
  tag: {},
  functions: [],
});

function chunkOf(number: number, inputs: readonly unknown[], more: Partial<ChunkMessage> = {}): ChunkMessage {
  return {
    number,
    id: 1,
    definition: undefined,
    inputs: encodedRows(inputs, 'processes').message as ColumnBatchMessage,
    timeSlice: 1_000,
    taskTimeout: undefined,
    state: undefined,
    remote: false,
    ...more,
  };
}

const newState = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

const isEnd = (message: WorkerMessage): boolean =>
  message.kind === 'end' || (message.kind === 'report' && message.last);

/** Resolves when so many chunks have ended. */
const ended = ({ heard }: Subject, count = 1): Promise<void> =>
  until(() => heard.filter(isEnd).length === count);

const reportsOf = ({ heard }: Subject): ReportMessage[] =>
  heard.filter((message): message is ReportMessage => message.kind === 'report');
const rowsOf = (subject: Subject): unknown[] =>
  reportsOf(subject).flatMap(report => decodedRows(report.rows));
const kindsOf = ({ heard }: Subject): string[] => heard.map(({ kind }) => kind);

it('a session says that it is ready, and ends a chunk with its last report', async () => {
  for (const [name, start] of Object.entries(kinds)) {
    using subject = start();
    subject.tell({ chunk: chunkOf(1, [1, 2, 3], { definition: definitionOf(1, 'x => x * 2') }) });
    await ended(subject);
    assert.equal(rowsOf(subject), [2, 4, 6], name);
    assert.equal(
      kindsOf(subject),
      name === 'thread' ? ['ready', 'loaded', 'report'] : ['ready', 'begun', 'loaded', 'report'],
    );
  }
});

it('chunks run one after another, in the order in which they came, by the definition that came first', async () => {
  for (const start of Object.values(kinds)) {
    using subject = start();
    const source = 'async x => { await new Promise(resolve => setTimeout(resolve, x)); return x; }';
    subject.tell({ chunk: chunkOf(1, [9, 5], { definition: definitionOf(1, source) }) });
    subject.tell({ chunk: chunkOf(2, [0]) });
    subject.tell({ chunk: chunkOf(3, [7], { id: 2, definition: definitionOf(2, 'x => -x') }) });
    await ended(subject, 3);
    assert.equal(rowsOf(subject), [9, 5, 0, -7]);
  }
});

it('a run that is forgotten is not known any more: its next chunk ends the worker', async () => {
  for (const start of Object.values(kinds)) {
    using subject = start();
    subject.tell({ chunk: chunkOf(1, [1], { definition: definitionOf(1, 'x => x') }) });
    await ended(subject);
    subject.tell({ forget: [1] });
    subject.tell({ chunk: chunkOf(2, [2]) });
    subject.tell({ chunk: chunkOf(3, [3], { definition: definitionOf(1, 'x => x') }) });
    await until(() => subject.exits() > 0);
    const last = subject.heard.at(-1) as Extract<WorkerMessage, { kind: 'fatal' }>;
    assert.is(last.kind, 'fatal');
    assert.match(
      (decodeThrown(last.error, last.tag) as Error).message,
      'the definition 1 of a run did not reach this worker',
    );
    await sleep(20);
    assert.equal(rowsOf(subject), [1], 'and no chunk runs after it');
  }
});

it('a chunk of a thread is taken in shared memory, and one that was recalled before is not run', async () => {
  using subject = thread();
  const [recalled, run] = [newState(), newState()];
  recalled[0] = chunkState.cancelled;
  const definition = definitionOf(1, 'x => x');
  subject.tell({ chunk: chunkOf(1, [1], { state: recalled, definition }) });
  subject.tell({ chunk: chunkOf(2, [2], { state: run }) });
  await ended(subject, 2);
  assert.equal(rowsOf(subject), [2]);
  assert.equal(kindsOf(subject), ['ready', 'end', 'loaded', 'report']);
  assert.equal([recalled[0], run[0]], [chunkState.cancelled, chunkState.running]);
});

it('a chunk of a thread that is cancelled while it runs stops after its input', async () => {
  using subject = thread();
  const state = newState();
  const source = `async (x) => { await new Promise(resolve => setTimeout(resolve, 5)); return x; }`;
  const inputs = Array.from({ length: 1_000 }, (_, i) => i);
  subject.tell({
    chunk: chunkOf(1, inputs, { state, definition: definitionOf(1, source), timeSlice: 60_000 }),
  });
  await until(() => rowsOf(subject).length > 1);
  Atomics.store(state, 0, chunkState.cancelled);
  await ended(subject);
  assert.ok(rowsOf(subject).length < 50);
});

it('a chunk of a process that is cancelled before its turn is not run, and the next one is', async () => {
  using subject = child();
  subject.tell({ chunk: chunkOf(1, [1], { definition: definitionOf(1, 'x => x') }) });
  subject.tell({ chunk: chunkOf(2, [2]) });
  subject.tell({ chunk: chunkOf(3, [3]) });
  subject.tell({ cancel: 2 });
  await ended(subject, 3);
  assert.equal(rowsOf(subject), [1, 3]);
  assert.equal(kindsOf(subject), ['ready', 'begun', 'loaded', 'report', 'begun', 'end', 'begun', 'report']);
});

it('a chunk of a process that is cancelled while it awaits a task stops after it', async () => {
  using subject = child();
  const source = 'async x => { await new Promise(resolve => setTimeout(resolve, 5)); return x; }';
  const inputs = Array.from({ length: 1_000 }, (_, i) => i);
  subject.tell({ chunk: chunkOf(1, inputs, { definition: definitionOf(1, source), timeSlice: 60_000 }) });
  await until(() => rowsOf(subject).length > 1);
  subject.tell({ cancel: 1 });
  await ended(subject);
  assert.ok(rowsOf(subject).length < 50);
});

it('a task that cannot be loaded ends its chunk with the reason, and the worker goes on', async () => {
  for (const start of Object.values(kinds)) {
    using subject = start();
    subject.tell({ chunk: chunkOf(1, [1], { definition: definitionOf(1, 'no function') }) });
    subject.tell({ chunk: chunkOf(2, [2]) });
    subject.tell({ chunk: chunkOf(3, [3], { id: 2, definition: definitionOf(2, 'x => x') }) });
    await ended(subject, 3);
    assert.equal(rowsOf(subject), [3]);
    const ends = subject.heard.filter(message => message.kind === 'end');
    assert.is(ends.length, 2);
    for (const { notRunnable } of ends)
      assert.match(
        (decodeThrown(notRunnable?.error, notRunnable?.tag as object) as Error).message,
        'the task f cannot be made again from its source',
      );
  }
});

it('with a taskTimeout a session says that tasks have started, once their task is loaded', async () => {
  using subject = thread();
  const definition = definitionOf(1, 'x => x');
  subject.tell({ chunk: chunkOf(1, [1], { definition, taskTimeout: 1_000 }) });
  await ended(subject);
  assert.equal(kindsOf(subject), ['ready', 'loaded', 'started', 'report']);
});

it('rows that go on to another process are encoded for that', async () => {
  using subject = thread();
  const definition = definitionOf(1, 'x => new Float64Array([x])');
  subject.tell({ chunk: chunkOf(1, [1], { definition }) });
  subject.tell({ chunk: chunkOf(2, [1], { remote: true }) });
  await ended(subject, 2);
  const [here, beyond] = reportsOf(subject).map(({ rows }) => rows.columns[0]?.[0]);
  assert.instance(here, Float64Array);
  assert.is((beyond as { kind: string } | undefined)?.kind, 'view');
});

it('an error that nobody catches is a stray one between chunks, and ends the worker while one runs', async () => {
  for (const start of Object.values(kinds)) {
    using subject = start();
    subject.session.uncaught(new RangeError('left behind'));
    await until(() => subject.heard.length === 2);
    const stray = subject.heard[1] as Extract<WorkerMessage, { kind: 'stray' }>;
    assert.is(stray.kind, 'stray');
    assert.is((decodeThrown(stray.error, stray.tag) as Error).message, 'left behind');
    assert.is(subject.exits(), 0);

    subject.tell({ chunk: chunkOf(1, [1], { definition: definitionOf(1, 'x => new Promise(() => {})') }) });
    // It is busy once the task is called: a process has said so, a thread is given the time.
    await sleep(30);
    subject.session.uncaught(new TypeError('of this task, or of one before'));
    assert.is(subject.exits(), 1);
    await until(() => subject.heard.at(-1)?.kind === 'fatal');
  }
});

it('the end of a chunk waits for what its tasks have printed; its rows do not, and its failures do', async () => {
  for (const start of Object.values(kinds)) {
    const flushed: (() => void)[] = [];
    const stream = { writableLength: 5, write: (_: string, callback: () => void) => flushed.push(callback) };
    const isReport = ({ kind }: WorkerMessage) => kind === 'report';
    using good = start([stream, { writableLength: 0, write: stream.write }]);
    good.tell({ chunk: chunkOf(1, [1], { definition: definitionOf(1, 'x => x') }) });
    await until(() => flushed.length === 2);
    await until(() => rowsOf(good).length === 1);
    flushed[0]?.();
    assert.not(good.heard.some(isEnd), 'both streams are waited for');
    flushed[1]?.();
    await ended(good);
    assert.is(kindsOf(good).at(-1), 'end');

    flushed.length = 0;
    using bad = start([stream]);
    bad.tell({ chunk: chunkOf(1, [1, 2], { definition: definitionOf(1, 'x => { throw x; }') }) });
    await until(() => flushed.length === 1);
    assert.not(bad.heard.some(isReport));
    flushed[0]?.();
    await ended(bad);
    assert.is(kindsOf(bad).at(-1), 'report');
  }
});

it('a stream that never lets its output go holds the end of a chunk up for a second at most', async () => {
  const stream = { writableLength: 5, write: () => undefined };
  using subject = thread([stream]);
  subject.tell({ chunk: chunkOf(1, [1], { definition: definitionOf(1, 'x => x') }) });
  await ended(subject);
  assert.equal(rowsOf(subject), [1]);
});

it('a task that replaces what the worker needs does not keep the next chunk from running', async () => {
  const { compareExchange, load } = Atomics;
  using subject = thread();
  try {
    const source = 'x => { Atomics.compareExchange = () => 5; Atomics.load = () => 2; return x; }';
    subject.tell({ chunk: chunkOf(1, [1, 2], { state: newState(), definition: definitionOf(1, source) }) });
    subject.tell({ chunk: chunkOf(2, [3, 4], { state: newState() }) });
    await ended(subject, 2);
    assert.equal(rowsOf(subject), [1, 2, 3, 4]);
  } finally {
    Object.assign(Atomics, { compareExchange, load });
  }
});

it('a message that cannot be read ends the worker', async () => {
  const { port1, port2 } = new MessageChannel();
  let exits = 0;
  const channel = Object.assign(new PortChannel(port2), { exit: () => (exits += 1) });
  const session = new WorkerSession(channel, new OutputStreams([]));
  session.start();
  const messages = on(port1, 'message');
  await messages.next();
  port2.emit('messageerror', new Error('unreadable'));
  const [fatal] = (await messages.next()).value as [WorkerMessage];
  assert.equal([fatal.kind, exits], ['fatal', 1]);
  port1.close();
});

sessions.run();
