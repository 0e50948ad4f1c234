import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { Tinypool, type Options as TinypoolOptions } from 'tinypool';
import type { WorkerExit } from '../errors.js';
import type { ChunkMessage, ChunkOutcome, Movable, WorkerMessage } from '../protocol.js';
import { decodeThrown } from '../transport/values.js';
import { workerEntry } from './workerEntry.js';

/** The longest delay that a timer takes, in ms: 25 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A child whose channel is closed has this long to end by itself, in ms. */
const DISCONNECTED = 50;

let entry: string | undefined;

export type LaneOptions = Pick<TinypoolOptions, 'runtime' | 'env' | 'execArgv' | 'resourceLimits'>;

/** What a lane says of its worker while a chunk is on it. */
export interface LaneListener {
  message(message: WorkerMessage): void;
  /** The chunk has ended and the worker is free. */
  done(outcome: ChunkOutcome): void;
  /** The worker is gone, and this lane with it. */
  lost(exit: WorkerExit): void;
}

/**
 * One worker: a Tinypool of one thread or child process, and a second way back for what settles before a chunk ends.
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
  #worker: Tinypool['threads'][number] | undefined;
  #port: MessagePort | undefined;
  #listener: LaneListener | undefined;
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

  /** Runs a chunk on the idle worker. */
  run(message: ChunkMessage, moved: readonly Movable[], listener: LaneListener): void {
    this.#listener = listener;
    if (message.definition) this.known.add(message.id);
    const list = [...moved];
    let port: MessagePort | undefined;
    if (this.#threads && !this.#port) {
      port = this.#open();
      list.push(port);
    }
    const settled = this.#pool.run(port ? { ...message, port } : message, {
      filename: (entry ??= workerEntry()),
      name: 'default',
      transferList: list as never,
      ...(this.#threads
        ? {}
        : { channel: { postMessage: (message: WorkerMessage) => this.#receive(message) } }),
    });
    if (!this.#worker) this.#watch();
    settled.then(
      (outcome: ChunkOutcome) => {
        // What the worker said before it ended may still lie in the other port.
        this.#drain();
        this.proven = true;
        this.#finish()?.done(outcome);
      },
      error => this.#exited({ exitCode: undefined, reason: reasonOf(error), cause: error }),
    );
  }

  /** The other chunk's listener goes: nobody waits for it any more. */
  listen(listener: LaneListener): void {
    this.#listener = listener;
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

  /** Lets the idle worker forget a definition. */
  forget(id: number): void {
    if (!this.known.delete(id) || this.#gone) return;
    if (this.#port) this.#port.postMessage({ forget: [id] });
    else if (!this.#threads)
      (this.#worker as unknown as { send(message: unknown): void } | undefined)?.send({ forget: [id] });
  }

  /** Ends the worker; resolves when it has really stopped. Nothing more is heard of its chunk. */
  end(): Promise<void> {
    this.#gone ??= this.#destroy();
    return this.#gone;
  }

  async #destroy(): Promise<void> {
    this.#finish();
    const worker = this.#worker;
    const exited = worker && new Promise<void>(resolve => worker.once('exit', () => resolve()));
    this.#port?.close();
    this.#pool.destroy().catch(() => undefined);
    await exited;
  }

  #open(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (message: WorkerMessage) => this.#receive(message));
    // Tinypool's port keeps the process alive while a chunk runs; this one never does.
    port1.unref();
    this.#port = port1;
    return port2;
  }

  #drain(): void {
    if (!this.#port) return;
    for (let entry = receiveMessageOnPort(this.#port); entry; entry = receiveMessageOnPort(this.#port))
      this.#receive(entry.message as WorkerMessage);
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
      case 'report':
        this.#listener?.message(message);
        break;
      default:
        // A task has sent something of its own.
        return;
    }
    this.proven = true;
  }

  #finish(): LaneListener | undefined {
    const listener = this.#listener;
    this.#listener = undefined;
    return listener;
  }

  #exited(exit: WorkerExit): void {
    if (this.#gone) return;
    this.#gone = Promise.resolve();
    this.#drain();
    // Its promise never settles where the worker has exited already.
    this.#pool.destroy().catch(() => undefined);
    this.#port?.close();
    const cause = this.#fatal && decodeThrown(this.#fatal.error, this.#fatal.tag);
    const listener = this.#finish();
    if (cause !== undefined)
      listener?.lost({ exitCode: exit.exitCode, reason: 'an error that nobody caught', cause });
    else listener?.lost(exit);
    this.onGone();
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'out of memory';
  return typeof message === 'string' ? message : String(error);
}
