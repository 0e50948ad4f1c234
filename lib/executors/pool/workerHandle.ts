import process from 'node:process';
import { clearInterval, setImmediate, setInterval, setTimeout } from 'node:timers';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { Tinypool, type Options as TinypoolOptions } from 'tinypool';
import { describeThrown, type WorkerExit } from '../../errors.js';
import type { Report } from '../../executor.js';
import type {
  ChunkMessage,
  Movable,
  NotRunnable,
  ReportMessage,
  WorkerMessage,
  WorkerNotice,
} from '../../protocol/messages.js';
import { Fifo } from '../../queues/fifo.js';
import { decodeThrown } from '../../serialization/encode.js';
import { workerEntry } from './workerEntry.js';

/** The longest delay that a timer takes, in ms: 25 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A child whose channel is closed has this long to end by itself, in ms. */
const DISCONNECTED = 50;

/** So often it is looked whether a worker has begun what it was given, in ms. */
const LOOK_EVERY = 1_000;

/**
 * So many looks a worker has to begin what it was given. What a task has left behind may keep it from that: a loop, a
 * stop signal. One that has run nothing yet may take long to start, or to read its inputs.
 */
const LOOKS = 2;
const FIRST_LOOKS = 60;

let entry: string | undefined;

export type LaneOptions = Pick<TinypoolOptions, 'runtime' | 'env' | 'execArgv' | 'resourceLimits'>;

/** What a lane says of one chunk. */
export interface LaneListener {
  /** Whether the worker owes a word for which no task need end: it has not begun the chunk, or all of it has run. */
  readonly owesWord: boolean;
  /** All chunks before it have ended: it is the one that the worker runs. */
  turn(): void;
  /** A process has taken it up. Of a thread it is seen in shared memory. */
  begun(): void;
  /** A task runs now. */
  started(): void;
  /** No task runs now, until the next report has been sent. */
  returned(): void;
  /** Makes values of what came; code of the user may run in it. */
  read(message: ReportMessage): Report | undefined;
  /** What `read` made; `last`: the chunk has ended with it. */
  report(report: Report | undefined, last: boolean): void;
  /** The chunk has ended and the worker goes on; with why the task could not be run, where that is so. */
  done(notRunnable: NotRunnable | undefined): void;
  /** The worker is gone, and this lane with it; `blamed`: it may be for this chunk. */
  lost(exit: WorkerExit, blamed: boolean): void;
}

/** What a lane says of its worker. */
export interface LaneOwner {
  /** An error that no task is to blame for. */
  stray(error: unknown): void;
  /** It has started. */
  ready(): void;
  /** It has ended a chunk and may take another. */
  freed(lane: Lane): void;
  /** It is gone, with or without a chunk. */
  gone(lane: Lane): void;
  /** It does not begin what it was given. */
  deaf(lane: Lane): void;
}

/**
 * One worker: a Tinypool of one thread or child process, and a second way back, for all that it says of its chunks.
 *
 * A Tinypool of many hides which worker has a task, and waits for ever for a thread that has exited; with one worker to
 * a pool it is known who has died, and nobody else is touched. See the README beside this file.
 */
export class Lane {
  /** Definitions that the worker has. */
  readonly known = new Set<number>();
  /** Whether the worker has started: what ends it from then on is not the set-up. */
  ready = false;
  readonly #pool: Tinypool;
  readonly #threads: boolean;
  /** Of the chunks that the worker has, in its order: it runs the first. */
  readonly #listeners: LaneListener[] = [];
  readonly #forgotten: number[] = [];
  readonly #channel = {
    postMessage: (message: { rxParfor?: WorkerMessage } | null) => {
      // A task may send something of its own.
      if (message && Object.hasOwn(message, 'rxParfor')) this.#receive(message.rxParfor as WorkerMessage);
    },
  };
  /** What the worker has said and nobody has heard yet. */
  readonly #inbox = new Fifo<WorkerMessage>();
  /** Whether values are made of a report: code of the user may run meanwhile, and the next one waits for this one. */
  #reading = false;
  /** What is to be sent to a process once it can listen. */
  #unsent: WorkerNotice[] = [];
  #worker: Tinypool['threads'][number] | undefined;
  #port: MessagePort | undefined;
  #watch: NodeJS.Timeout | undefined;
  /** The chunk that the worker owed a word of at the last looks, and how many those were. */
  #owing: LaneListener | undefined;
  #looks = 0;
  /** Whether the worker has ended a chunk. */
  #proven = false;
  #fatal: Extract<WorkerMessage, { kind: 'fatal' }> | undefined;
  #gone: Promise<void> | undefined;

  constructor(
    options: LaneOptions,
    private readonly owner: LaneOwner,
  ) {
    this.#threads = options.runtime === 'worker_threads';
    this.#pool = new Tinypool({
      // Own ones, so that none is inherited.
      env: undefined,
      execArgv: undefined,
      resourceLimits: undefined,
      argv: undefined,
      workerData: undefined,
      ...options,
      // Zero, so that Tinypool does not replace a worker that dies: the executor decides whether one is needed.
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: LONGEST_TIMER,
      // Blocked in Atomics.wait a worker could neither notice stray errors nor let go of definitions; it costs nothing.
      useAtomics: false,
      // Only between processes: the default there is JSON.
      serialization: 'advanced',
    } as unknown as TinypoolOptions);
    // Tinypool tells of a worker that dies between tasks as an `error` event; its exit, which says more, goes first.
    this.#pool.on('error', error =>
      setImmediate(() => this.#exited({ exitCode: undefined, reason: reasonOf(error), cause: error })),
    );
  }

  /** How many chunks the worker has. */
  get load(): number {
    return this.#listeners.length;
  }

  /** Whether it is this chunk that the worker runs. */
  runs(listener: LaneListener): boolean {
    return this.#listeners[0] === listener;
  }

  /**
   * Runs a chunk, after the one that the worker may have already.
   * @throws what Node says of a message that it cannot send
   */
  run(chunk: ChunkMessage, moved: readonly Movable[], listener: LaneListener): void {
    this.#tell({ chunk, forget: undefined, cancel: undefined }, moved);
    if (chunk.definition) this.known.add(chunk.id);
    this.#listeners.push(listener);
    if (this.load > 1) return;
    // Of what goes on in its worker Tinypool knows nothing: it would let the process end.
    this.#owing = undefined;
    this.#watch = setInterval(() => this.#look(), LOOK_EVERY);
    listener.turn();
  }

  /**
   * Starts the worker, where that is not done. Its first chunk goes apart from that: an input that ends it as it is read
   * is not the set-up.
   * @throws what Node says of a worker that it refuses to start, for its `execArgv` or `env`
   */
  start(): void {
    if (this.#worker) return;
    const port = this.#threads ? this.#open() : undefined;
    const settled = this.#pool.run(
      { port },
      {
        filename: (entry ??= workerEntry()),
        name: 'default',
        transferList: port ? [port] : [],
        ...(this.#threads ? {} : { channel: this.#channel }),
      },
    );
    this.#listen();
    settled.catch(error => this.#exited({ exitCode: undefined, reason: reasonOf(error), cause: error }));
  }

  /** Hears what the worker has said so far, without waiting for the event loop. */
  poll(): void {
    // Of a process there is no way to do so.
    while (this.#port) {
      let entry: { message: unknown } | undefined;
      try {
        entry = receiveMessageOnPort(this.#port);
      } catch (error) {
        return this.#unreadable(error);
      }
      if (!entry) return;
      this.#receive(entry.message as WorkerMessage);
    }
  }

  // The pool has started its worker with its first task. Of a thread that exits Tinypool would say nothing.
  #listen(): void {
    const worker = this.#pool.threads[0];
    if (!worker) return;
    this.#worker = worker;
    shield(worker);
    // A thread's error, out of memory above all, comes just before its exit and says more.
    let last: unknown;
    if (this.#threads)
      worker.once('error', error => {
        last = error;
      });
    worker.once('exit', (code: number | null, signal?: string) =>
      this.#exited({
        exitCode: code ?? undefined,
        reason: last ? reasonOf(last) : signal ? `killed by ${signal}` : `exit code ${code}`,
        cause: last,
      }),
    );
    // Of a child that closes its channel nothing more is heard. One that ends closes it as well, and its exit says more.
    worker.once('disconnect', () =>
      setTimeout(
        () => this.#exited({ exitCode: undefined, reason: 'its channel was closed' }),
        DISCONNECTED,
      ).unref(),
    );
  }

  /** Looks whether the worker has begun what it was given, and has ended what has run. */
  #look(): void {
    const [first] = this.#listeners;
    if (!first?.owesWord || first !== this.#owing) {
      this.#owing = first;
      this.#looks = 0;
      return;
    }
    this.#looks += 1;
    if (this.#looks < (this.#proven ? LOOKS : FIRST_LOOKS)) return;
    // What it has said while this thread was busy is heard first.
    setImmediate(() => {
      this.poll();
      if (this.runs(first) && first.owesWord && !this.#gone) this.owner.deaf(this);
    });
  }

  /** Lets the worker forget a definition, when it has no chunk that might need it. */
  forget(id: number): void {
    if (!this.known.delete(id)) return;
    this.#forgotten.push(id);
    if (this.load === 0) this.#tellForgotten();
  }

  /** Tells the worker that nobody waits for a chunk. Threads share memory for that, and look there. */
  cancel(number: number): void {
    if (!this.#threads) this.#tell({ chunk: undefined, forget: undefined, cancel: number });
  }

  #tellForgotten(): void {
    if (this.#forgotten.length > 0)
      this.#tell({ chunk: undefined, forget: this.#forgotten.splice(0), cancel: undefined });
  }

  #tell(notice: WorkerNotice, moved: readonly Movable[] = []): void {
    if (this.#gone) return;
    // A message that comes before a process listens would be lost.
    if (!this.#threads && !this.ready) this.#unsent.push(notice);
    else if (this.#threads) this.#port?.postMessage(notice, moved as Movable[]);
    else (this.#worker as unknown as { send(message: unknown): void }).send({ rxParfor: notice });
  }

  /** Ends the worker; resolves when it has really stopped. Its chunks are lost. */
  end(): Promise<void> {
    this.#gone ??= this.#destroy({ exitCode: undefined, reason: 'it was ended' }, false);
    return this.#gone;
  }

  /** Ends the worker whatever it does: a process that was stopped, or does not listen to signals, too. */
  kill(): Promise<void> {
    this.#killProcess();
    return this.end();
  }

  /** Ends the worker, as it does not begin what it was given: no input is to blame, unless it is the first that is read. */
  giveUp(): Promise<void> {
    this.#killProcess();
    const reason = 'it did not begin what it was given';
    this.#gone ??= this.#destroy({ exitCode: undefined, reason }, this.#proven || !this.ready);
    return this.#gone;
  }

  /** A thread needs none of it: Tinypool's way ends it whatever it does. */
  #killProcess(): void {
    const { process: child } = (this.#worker ?? {}) as { process?: { kill(signal: string): void } };
    child?.kill('SIGKILL');
  }

  async #destroy(exit: WorkerExit, blameless: boolean): Promise<void> {
    const worker = this.#worker;
    const exited = worker && new Promise<void>(resolve => worker.once('exit', () => resolve()));
    // Nothing more is heard of its chunks.
    const listeners = this.#listeners.splice(0);
    clearInterval(this.#watch);
    this.#closePort();
    this.#pool.destroy().catch(() => undefined);
    // They need not wait until it has stopped, which a call into native code can put off for long.
    await Promise.resolve();
    for (const [i, listener] of listeners.entries()) listener.lost(exit, i === 0 && !blameless);
    await exited;
  }

  #closePort(): void {
    this.#port?.close();
    this.#port = undefined;
  }

  #open(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (message: WorkerMessage) => this.#receive(message));
    port1.on('messageerror', (error: unknown) => this.#unreadable(error));
    port1.unref();
    this.#port = port1;
    return port2;
  }

  /** What it has said of its chunks is not known any more: they run again, one by one. */
  #unreadable(error: unknown): void {
    const exit = { exitCode: undefined, reason: 'a message of it cannot be read', cause: error };
    this.#gone ??= this.#destroy(exit, false).finally(() => this.owner.gone(this));
  }

  #receive(message: WorkerMessage): void {
    this.#inbox.push(message);
    while (!this.#reading) {
      const next = this.#inbox.shift();
      if (!next) return;
      this.#hear(next);
    }
  }

  /** Takes note of a message. Whatever changes here has changed before anybody is told. */
  #hear(message: WorkerMessage): void {
    const [first] = this.#listeners;
    switch (message.kind) {
      case 'ready':
        return this.#begin();
      case 'fatal':
        this.#fatal = message;
        return;
      case 'stray':
        return this.owner.stray(decodeThrown(message.error, message.tag));
      case 'begun':
        return first?.begun();
      case 'started':
        return first?.started();
      case 'returned':
        return first?.returned();
      case 'report': {
        if (!first) return;
        const report = this.#read(first, message);
        if (report instanceof Unreadable) return this.#unreadable(report.cause);
        if (message.last && this.runs(first)) this.#ended();
        first.report(report, message.last);
        if (message.last) first.done(undefined);
        return;
      }
      case 'end':
        if (!first) return;
        this.#ended();
        first.done(message.notRunnable);
    }
  }

  #read(listener: LaneListener, message: ReportMessage): Report | undefined | Unreadable {
    this.#reading = true;
    try {
      return listener.read(message);
    } catch (error) {
      return new Unreadable(error);
    } finally {
      this.#reading = false;
    }
  }

  /** The worker has started. */
  #begin(): void {
    this.ready = true;
    for (const notice of this.#unsent.splice(0)) this.#tell(notice);
    // From here on a message that a task sends to its parent by Tinypool's way would cost the worker.
    hush(this.#worker);
    this.owner.ready();
  }

  /** The first of its chunks has ended. */
  #ended(): void {
    this.#proven = true;
    this.#listeners.shift();
    if (this.load === 0) {
      clearInterval(this.#watch);
      this.#tellForgotten();
    } else this.#listeners[0]?.turn();
    this.owner.freed(this);
  }

  #exited(exit: WorkerExit): void {
    if (this.#gone) return;
    // What it said before it went is heard first: a row that was posted is never run again.
    this.#gone = Promise.resolve();
    this.owner.gone(this);
    this.poll();
    // Its promise never settles where the worker has exited already.
    this.#pool.destroy().catch(() => undefined);
    this.#closePort();
    const cause = this.#fatal && decodeThrown(this.#fatal.error, this.#fatal.tag);
    clearInterval(this.#watch);
    const end: WorkerExit =
      cause === undefined ? exit : { exitCode: exit.exitCode, reason: 'an error that nobody caught', cause };
    for (const [i, listener] of this.#listeners.splice(0).entries()) listener.lost(end, i === 0);
  }
}

/** Why a report cannot be made values of. */
class Unreadable {
  constructor(readonly cause: unknown) {}
}

/** The thread or process that Tinypool wraps. */
const wrapped = (worker: object): NodeJS.EventEmitter | undefined => {
  const { thread, process: child } = worker as Record<'thread' | 'process', NodeJS.EventEmitter | undefined>;
  return thread ?? child;
};

/** Tinypool waits for its worker's exit by `once`, which needs a `removeListener` when the worker has an error meanwhile. */
function shield(worker: object): void {
  const inner = wrapped(worker);
  Object.assign(worker, {
    removeListener: (event: string, listener: (...values: unknown[]) => void) =>
      inner?.removeListener(event, listener),
  });
}

let warned = false;

/** A thread's messages by `parentPort`, which Tinypool takes for an error of the worker. */
function hush(worker: object | undefined): void {
  const { thread } = (worker ?? {}) as { thread?: NodeJS.EventEmitter & { unref(): void } };
  if (!thread) return;
  thread.removeAllListeners('message');
  const warn = () => {
    if (warned) return;
    warned = true;
    process.emitWarning(
      'a task has sent a message by `parentPort`, and nobody listens there; return the value, or open a MessageChannel of your own',
      { type: 'UnheardMessageWarning', code: 'RX_PARFOR_UNHEARD' },
    );
  };
  thread.on('message', warn);
  thread.on('messageerror', warn);
  // A listener holds the program open.
  thread.unref();
}

function reasonOf(error: unknown): string {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'out of memory';
  return typeof message === 'string' ? message : describeThrown(error);
}
