import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { Tinypool, type Options as TinypoolOptions } from 'tinypool';
import type { WorkerExit } from '../errors.js';
import type { ChunkMessage, Movable, NotRunnable, WorkerMessage, WorkerNotice } from '../protocol.js';
import { decodeThrown } from '../transport/values.js';
import { workerEntry } from './workerEntry.js';

/** The longest delay that a timer takes, in ms: 25 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A child whose channel is closed has this long to end by itself, in ms. */
const DISCONNECTED = 50;

let entry: string | undefined;

export type LaneOptions = Pick<TinypoolOptions, 'runtime' | 'env' | 'execArgv' | 'resourceLimits'>;

/** What a lane says of one chunk. */
export interface LaneListener {
  /** All chunks before it have ended: it is the one that the worker runs. */
  turn(): void;
  /** Something has settled, or the first task begins. */
  message(message: Exclude<WorkerMessage, { kind: 'end' | 'stray' | 'fatal' }>): void;
  /** The chunk has ended and the worker goes on; with why the task could not be run, where that is so. */
  done(notRunnable: NotRunnable | undefined): void;
  /** The worker is gone, and this lane with it; `begun`: while it ran this chunk. */
  lost(exit: WorkerExit, begun: boolean): void;
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
  /** Whether the worker has ever answered. */
  proven = false;
  readonly #pool: Tinypool;
  readonly #threads: boolean;
  readonly #stray: (error: unknown) => void;
  /** Of the chunks that the worker has, in its order: it runs the first. */
  readonly #listeners: LaneListener[] = [];
  readonly #forgotten: number[] = [];
  readonly #channel = { postMessage: (message: WorkerMessage) => this.#receive(message) };
  #worker: Tinypool['threads'][number] | undefined;
  #port: MessagePort | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #fatal: Extract<WorkerMessage, { kind: 'fatal' }> | undefined;
  #gone: Promise<void> | undefined;

  /**
   * @param stray is told of errors that no task is to blame for
   * @param onGone is called when the worker is gone, with or without a chunk
   */
  constructor(
    options: LaneOptions,
    stray: (error: unknown) => void,
    private readonly onGone: () => void,
  ) {
    this.#threads = options.runtime === 'worker_threads';
    this.#stray = stray;
    this.#pool = new Tinypool({
      ...options,
      // Zero, so that Tinypool does not replace a worker that dies: the executor decides whether one is needed.
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: LONGEST_TIMER,
      // Blocked in Atomics.wait a worker could neither notice stray errors nor let go of definitions; it costs nothing.
      useAtomics: false,
      // Only between processes: the default there is JSON.
      serialization: 'advanced',
    } as TinypoolOptions);
    // Tinypool tells of a worker that dies between tasks as an `error` event; its exit, which says more, goes first.
    this.#pool.on('error', error =>
      setImmediate(() => this.#exited({ exitCode: undefined, reason: reasonOf(error), cause: error })),
    );
  }

  /** How many chunks the worker has. */
  get load(): number {
    return this.#listeners.length;
  }

  /** Runs a chunk, after the one that the worker may have already; before it has ever answered there is none. */
  run(message: ChunkMessage, moved: readonly Movable[], listener: LaneListener): void {
    if (this.proven) this.#tell({ chunk: message }, moved);
    else this.#startWith(message, moved);
    if (message.definition) this.known.add(message.id);
    this.#listeners.push(listener);
    if (this.load > 1) return;
    // Of what goes on in its worker Tinypool knows nothing: it would let the process end.
    this.#keepAlive = setInterval(() => undefined, LONGEST_TIMER);
    listener.turn();
  }

  #startWith(message: ChunkMessage, moved: readonly Movable[]): void {
    const list = [...moved];
    const port = this.#threads ? this.#open() : undefined;
    if (port) list.push(port);
    const settled = this.#pool.run(port ? { ...message, port } : message, {
      filename: (entry ??= workerEntry()),
      name: 'default',
      transferList: list as never,
      ...(this.#threads ? {} : { channel: this.#channel }),
    });
    this.#watch();
    settled.catch(error => this.#exited({ exitCode: undefined, reason: reasonOf(error), cause: error }));
  }

  /** Another one listens for a chunk: nobody waits for it any more. */
  replace(listener: LaneListener, by: LaneListener): void {
    const at = this.#listeners.indexOf(listener);
    if (at < 0) return;
    this.#listeners[at] = by;
    if (at === 0) by.turn();
  }

  /** Hears what the worker has said so far, without waiting for the event loop. */
  poll(): void {
    // Of a process there is no way to do so.
    while (this.#port) {
      const entry = receiveMessageOnPort(this.#port);
      if (!entry) return;
      this.#receive(entry.message as WorkerMessage);
    }
  }

  // The pool has started its worker with its first chunk. Of a thread that exits Tinypool would say nothing.
  #watch(): void {
    this.#worker = this.#pool.threads[0];
    // A thread's error, out of memory above all, comes just before its exit and says more.
    let last: unknown;
    if (this.#threads)
      this.#worker?.once('error', error => {
        last = error;
      });
    this.#worker?.once('exit', (code: number | null, signal?: string) =>
      this.#exited({
        exitCode: code ?? undefined,
        reason: last ? reasonOf(last) : signal ? `killed by ${signal}` : `exit code ${code}`,
        cause: last,
      }),
    );
    // Of a child that closes its channel nothing more is heard. One that ends closes it as well, and its exit says more.
    this.#worker?.once('disconnect', () =>
      setTimeout(
        () => this.#exited({ exitCode: undefined, reason: 'its channel was closed' }),
        DISCONNECTED,
      ).unref(),
    );
  }

  /** Lets the worker forget a definition, when it has no chunk that might need it. */
  forget(id: number): void {
    if (!this.known.delete(id)) return;
    this.#forgotten.push(id);
    if (this.load === 0) this.#tellForgotten();
  }

  /** Tells the worker that nobody waits for a chunk. Threads share memory for that, and look there. */
  cancel(number: number): void {
    if (!this.#threads) this.#tell({ cancel: number });
  }

  #tellForgotten(): void {
    if (this.#forgotten.length > 0) this.#tell({ forget: this.#forgotten.splice(0) });
  }

  #tell(notice: WorkerNotice, moved: readonly Movable[] = []): void {
    if (this.#gone) return;
    if (this.#port) this.#port.postMessage(notice, moved as Movable[]);
    else (this.#worker as unknown as { send(message: unknown): void } | undefined)?.send(notice);
  }

  /** Ends the worker; resolves when it has really stopped. Its chunks are lost. */
  end(): Promise<void> {
    this.#gone ??= this.#destroy();
    return this.#gone;
  }

  async #destroy(): Promise<void> {
    const worker = this.#worker;
    const exited = worker && new Promise<void>(resolve => worker.once('exit', () => resolve()));
    this.#closePort();
    this.#pool.destroy().catch(() => undefined);
    // Nothing more is heard of its chunks.
    const listeners = this.#listeners.splice(0);
    clearInterval(this.#keepAlive);
    await exited;
    tellLost(listeners, { exitCode: undefined, reason: 'it was ended' });
  }

  #closePort(): void {
    this.#port?.close();
    this.#port = undefined;
  }

  #open(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (message: WorkerMessage) => this.#receive(message));
    port1.unref();
    this.#port = port1;
    return port2;
  }

  #receive(message: WorkerMessage | null): void {
    switch (message?.kind) {
      case 'fatal':
        this.#fatal = message;
        break;
      case 'stray':
        this.#stray(decodeThrown(message.error, message.tag));
        break;
      case 'started':
        this.#listeners[0]?.message(message);
        break;
      case 'report':
        this.#listeners[0]?.message(message);
        if (message.last) this.#ended();
        break;
      case 'end':
        this.#ended(message.notRunnable);
        break;
      default:
        // A task has sent something of its own.
        return;
    }
    this.proven = true;
  }

  #ended(notRunnable?: NotRunnable): void {
    this.proven = true;
    const listener = this.#listeners.shift();
    if (this.load === 0) {
      clearInterval(this.#keepAlive);
      this.#tellForgotten();
    } else this.#listeners[0]?.turn();
    listener?.done(notRunnable);
  }

  #exited(exit: WorkerExit): void {
    if (this.#gone) return;
    this.#gone = Promise.resolve();
    // First, so that nobody gives this lane another chunk.
    this.onGone();
    this.poll();
    // Its promise never settles where the worker has exited already.
    this.#pool.destroy().catch(() => undefined);
    this.#closePort();
    const cause = this.#fatal && decodeThrown(this.#fatal.error, this.#fatal.tag);
    clearInterval(this.#keepAlive);
    tellLost(
      this.#listeners.splice(0),
      cause === undefined ? exit : { exitCode: exit.exitCode, reason: 'an error that nobody caught', cause },
    );
  }
}

/** The first of the chunks was the one that the worker ran. */
function tellLost(listeners: readonly LaneListener[], exit: WorkerExit): void {
  for (const [i, listener] of listeners.entries()) listener.lost(exit, i === 0);
}

function reasonOf(error: unknown): string {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'out of memory';
  return typeof message === 'string' ? message : String(error);
}
